# SPDX-License-Identifier: GPL-2.0-or-later
"""An editor for tests: a real client of the Language Server Protocol, with `ksgen lsp` as its child."""

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
        self._news = asyncio.Event()
        client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(functools.partial(self._keep))
        client.feature(types.WINDOW_LOG_MESSAGE)(lambda params: self.logged.append(params.message))

    def _keep(self, params: types.PublishDiagnosticsParams) -> None:
        self.published[params.uri] = params
        self.versions.append(params.version)
        self._news.set()

    def open(self, path: Path, text: str, language: str) -> str:
        uri = path.as_uri()
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


def edit(work: Callable[[Editor], Awaitable[T]], *options: str) -> T:
    """The result of `work` with an editor whose server has these options; the server ends by itself."""

    async def session() -> T:
        client = LanguageClient("tests", "1")
        editor = Editor(client)
        command = [sys.executable, "-m", "ksgen", "lsp", *options]
        await client.start_io(*command, env={**os.environ, "PYTHONWARNINGS": "error::SyntaxWarning"})
        await client.initialize_async(types.InitializeParams(capabilities=types.ClientCapabilities()))
        client.initialized(types.InitializedParams())
        try:
            return await work(editor)
        finally:
            await asyncio.wait_for(client.shutdown_async(None), _WAIT)
            client.exit(None)
            stop: Any = client.stop  # pygls has no types for it
            await asyncio.wait_for(stop(), _WAIT)

    return asyncio.run(session())
