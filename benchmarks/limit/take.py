# SPDX-License-Identifier: GPL-2.0-or-later
"""The limit of `ksgen serve`: as little as a server can do that keeps each report on the disk before it answers.

take.py PORT DATABASE

Starlette and uvicorn, one process and one table. It checks nothing, and knows no hosts.
"""

import asyncio
import json
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


def main() -> None:
    port, path = int(sys.argv[1]), sys.argv[2]
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE taken (body BLOB)")
    writer = ThreadPoolExecutor(1)

    async def take(request: Request) -> Response:
        body = await request.body()
        if request.method == "POST":
            json.loads(body)
        insert = "INSERT INTO taken VALUES (?)"
        await asyncio.get_running_loop().run_in_executor(writer, lambda: database.execute(insert, (body,)))
        return JSONResponse({"accepted": 1})

    routes = [Route("/report", take, methods=["POST"]), Route("/report/logs/{name}", take, methods=["PUT"])]
    uvicorn.run(Starlette(routes=routes), port=port, log_level="error", access_log=False)


if __name__ == "__main__":
    main()
