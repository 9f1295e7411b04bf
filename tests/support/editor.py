# SPDX-License-Identifier: GPL-2.0-or-later
"""An editor for tests: a real client of the Language Server Protocol, with `ksgen lsp` as its child.

A server starts with the first test that wants its options, and serves those that follow: each has documents of its own.
"""

from __future__ import annotations

import asyncio
import functools
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types
from pygls.lsp.client import LanguageClient

_WAIT = 60  # seconds; of a busy machine
T = TypeVar("T")


class Editor:
    """Opens documents, types, and keeps what the server says of them."""

    def __init__(self, client: LanguageClient) -> None:
        self.client = client
        self.published: dict[str, types.PublishDiagnosticsParams] = {}
        self.versions: list[int | None] = []
        self.logged: list[str] = []
        self._opened: set[str] = set()
        self._news = asyncio.Event()

    def keep(self, params: types.PublishDiagnosticsParams) -> None:
        """What the server says of a document; one of an editor before this one does not matter."""
        if params.uri in self._opened:
            self.published[params.uri] = params
            self.versions.append(params.version)
            self._news.set()

    def open(self, path: Path, text: str, language: str) -> str:
        uri = path.as_uri()
        self._opened.add(uri)
        document = types.TextDocumentItem(uri, language, 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(document))
        return uri

    def type(self, uri: str, version: int, text: str) -> None:
        """Put a text in the place of the document's."""
        document = types.VersionedTextDocumentIdentifier(version=version, uri=uri)
        change = types.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))

    def close(self, uri: str) -> None:
        document = types.TextDocumentIdentifier(uri)
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(document))

    async def problems(self, uri: str, version: int | None = 1) -> list[types.Diagnostic]:
        """What the server says of a version of a document, as soon as it does."""

        async def wait() -> list[types.Diagnostic]:
            while (found := self.published.get(uri)) is None or found.version != version:
                self._news.clear()
                await self._news.wait()
            return list(found.diagnostics)

        return await asyncio.wait_for(wait(), _WAIT)

    async def completions(self, uri: str, line: int, column: int) -> dict[str, types.CompletionItem]:
        place = types.CompletionParams(types.TextDocumentIdentifier(uri), types.Position(line, column))
        found: Any = await asyncio.wait_for(self.client.text_document_completion_async(place), _WAIT)
        return {item.label: item for item in found}

    async def hover(self, uri: str, line: int, column: int) -> str | None:
        place = types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(line, column))
        found: Any = await asyncio.wait_for(self.client.text_document_hover_async(place), _WAIT)
        return found.contents.value if found else None


class _Server:
    """`ksgen lsp` with some options, and the editor that it talks to."""

    def __init__(self, *options: str) -> None:
        self._runner = asyncio.Runner()
        self._client = LanguageClient("tests", "1")
        self._editor = Editor(self._client)
        self._client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: self._editor.keep(params))
        self._client.feature(types.WINDOW_LOG_MESSAGE)(lambda params: self._editor.logged.append(params.message))
        self._runner.run(self._start([sys.executable, "-m", "ksgen", "lsp", *options]))

    async def _start(self, command: list[str]) -> None:
        await self._client.start_io(*command, env={**os.environ, "PYTHONWARNINGS": "error::SyntaxWarning"})
        await self._client.initialize_async(types.InitializeParams(capabilities=types.ClientCapabilities()))
        self._client.initialized(types.InitializedParams())

    def edit(self, work: Callable[[Editor], Awaitable[T]]) -> T:
        async def session() -> T:
            self._editor = Editor(self._client)
            return await work(self._editor)

        return self._runner.run(session())

    def end(self) -> None:
        with self._runner:
            self._runner.run(self._stop())

    async def _stop(self) -> None:
        await asyncio.wait_for(self._client.shutdown_async(None), _WAIT)
        self._client.exit(None)
        stop: Any = self._client.stop  # pygls has no types for it
        await asyncio.wait_for(stop(), _WAIT)


@functools.cache
def _server(options: tuple[str, ...]) -> _Server:
    server = _Server(*options)
    _SERVERS.append(server)
    return server


_SERVERS: list[_Server] = []


def edit(work: Callable[[Editor], Awaitable[T]], *options: str) -> T:
    """The result of `work` with a new editor, whose server has these options."""
    return _server(options).edit(work)


def end_servers() -> None:
    """Each ends by itself when it is told to."""
    _server.cache_clear()
    while _SERVERS:
        _SERVERS.pop().end()
