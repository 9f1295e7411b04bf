# SPDX-License-Identifier: GPL-2.0-or-later
"""The Language Server Protocol on standard input and output.

What is typed is checked a moment after the last key, by one worker: the grammar is not for several threads.
"""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from ksgen.grammar import manual
from ksgen.lint import Linter, release_of
from ksgen.lsp import inventories, kickstarts
from ksgen.lsp.diagnosis import Document, document_of, inventory_problems, kickstart_problems
from ksgen.lsp.offers import Cursor, Offer
from ksgen.problems import Problem
from ksgen.targets import Kind

PAUSE = 0.2  # seconds without a key before a document is checked
_LINE_END = re.compile(r"\r\n|\n|\r")
_SEVERITIES = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "note": types.DiagnosticSeverity.Information,
}
_KINDS = {
    "command": types.CompletionItemKind.Function,
    "section": types.CompletionItemKind.Module,
    "option": types.CompletionItemKind.Property,
    "value": types.CompletionItemKind.Value,
    "variable": types.CompletionItemKind.Variable,
}


def serve(version: str, release: str | None, kind: Kind) -> None:
    """Serve one editor until it ends the session. `release`, `kind`: as of Linter."""
    Session(version, release, kind).server.start_io()


class Session:
    """The documents of one editor; `server` has their texts."""

    def __init__(self, version: str, release: str | None, kind: Kind) -> None:
        self.server = LanguageServer("ksgen", version)
        self._release = release
        self._linter = Linter(release, kind=kind)
        self._worker = ThreadPoolExecutor(max_workers=1)
        self._waiting: dict[str, asyncio.Task[None]] = {}
        triggers = types.CompletionOptions(trigger_characters=["-", "%", "="])
        self._register(types.TEXT_DOCUMENT_DID_OPEN, self._on_text)
        self._register(types.TEXT_DOCUMENT_DID_CHANGE, self._on_text)
        self._register(types.TEXT_DOCUMENT_DID_SAVE, self._on_text)
        self._register(types.TEXT_DOCUMENT_DID_CLOSE, self._on_close)
        self._register(types.TEXT_DOCUMENT_COMPLETION, self._on_completion, triggers)
        self._register(types.TEXT_DOCUMENT_HOVER, self._on_hover)

    def _register(self, feature: str, handler: Callable[..., Any], *options: object) -> None:
        """pygls writes attributes on a handler, which a method does not have."""
        self.server.feature(feature, *options)(functools.partial(handler))

    # --- problems ----------------------------------------------------------------------------------------------------

    async def _on_text(self, params: Any) -> None:
        """A document was opened, changed or saved: check it when its user pauses."""
        uri = params.text_document.uri
        self._forget(uri)
        self._waiting[uri] = asyncio.create_task(self._check(uri))

    async def _on_close(self, params: types.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        self._forget(uri)
        self._publish(uri, None, [])

    def _forget(self, uri: str) -> None:
        waiting = self._waiting.pop(uri, None)
        if waiting is not None:
            waiting.cancel()

    async def _check(self, uri: str) -> None:
        await asyncio.sleep(PAUSE)
        document = self.server.workspace.get_text_document(uri)
        kind, text, version = self._kind(uri), document.source, document.version
        if kind is None:
            return
        loop = asyncio.get_running_loop()
        try:
            problems = await loop.run_in_executor(self._worker, self._problems, kind, _path(uri), text)
        except Exception as error:  # a fault of ours must not end the session of an editor
            message = f"ksgen cannot check {_path(uri)}: {type(error).__name__}"
            self.server.window_log_message(types.LogMessageParams(types.MessageType.Error, message))
            return
        lines = _LINE_END.split(text)
        self._publish(uri, version, [self._diagnostic(uri, problem, lines) for problem in problems])

    def _problems(self, kind: Document, path: str, text: str) -> list[Problem]:
        return kickstart_problems(self._linter, path, text) if kind == "kickstart" else inventory_problems(path, text)

    def _publish(self, uri: str, version: int | None, diagnostics: list[types.Diagnostic]) -> None:
        self.server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri=uri, version=version, diagnostics=diagnostics)
        )

    def _diagnostic(self, uri: str, problem: Problem, lines: list[str]) -> types.Diagnostic:
        number = min(problem.mark.line, len(lines)) - 1
        start = problem.mark.column - 1
        end = max(start + problem.mark.length, start + 1)
        return types.Diagnostic(
            range=types.Range(*(self._position(uri, lines, number, column) for column in (start, end))),
            message=problem.message + (f"\nhint: {problem.hint}" if problem.hint else ""),
            severity=_SEVERITIES[problem.severity],
            code=problem.code,
            source="ksgen",
        )

    def _position(self, uri: str, lines: list[str], number: int, column: int) -> types.Position:
        codec = self.server.workspace.get_text_document(uri).position_codec
        return types.Position(number, codec.client_num_units(lines[number][:column]))

    # --- completion and help -----------------------------------------------------------------------------------------

    def _on_completion(self, params: types.CompletionParams) -> list[types.CompletionItem]:
        uri = params.text_document.uri
        cursor = self._cursor(uri, params.position)
        offers: Iterator[Offer] = iter(())
        if self._kind(uri) == "kickstart":
            offers = kickstarts.offers(cursor, manual(self._release_of(cursor)))
        elif self._kind(uri) == "inventory":
            offers = inventories.offers(cursor)
        typed = len(cursor.typed(r"[\w%./-]*"))
        lines = [cursor.text]
        start = self._position(uri, lines, 0, cursor.column - typed).character
        place = types.Range(types.Position(cursor.line, start), params.position)
        return [_item(offer, place) for offer in offers]

    def _on_hover(self, params: types.HoverParams) -> types.Hover | None:
        uri = params.text_document.uri
        cursor = self._cursor(uri, params.position)
        found = None
        if self._kind(uri) == "kickstart":
            found = kickstarts.help_at(cursor, manual(self._release_of(cursor)))
        elif self._kind(uri) == "inventory":
            found = inventories.help_at(cursor)
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, found)) if found else None

    def _kind(self, uri: str) -> Document | None:
        return document_of(_path(uri), self.server.workspace.get_text_document(uri).language_id or "")

    def _release_of(self, cursor: Cursor) -> str:
        return self._release or release_of("\n".join(cursor.lines))

    def _cursor(self, uri: str, position: types.Position) -> Cursor:
        document = self.server.workspace.get_text_document(uri)
        lines = _LINE_END.split(document.source)
        line = lines[position.line] if position.line < len(lines) else ""
        units = document.position_codec.client_num_units
        column = next((n for n in range(len(line)) if units(line[:n]) >= position.character), len(line))
        return Cursor(lines, position.line, column)


def _item(offer: Offer, place: types.Range) -> types.CompletionItem:
    return types.CompletionItem(
        label=offer.word,
        kind=_KINDS[offer.role],
        documentation=types.MarkupContent(types.MarkupKind.Markdown, offer.help) if offer.help else None,
        text_edit=types.TextEdit(place, offer.text or offer.word),
    )


def _path(uri: str) -> str:
    """The file of a document; its URI where it is none."""
    return (to_fs_path(uri) if uri.startswith("file:") else None) or uri
