# SPDX-License-Identifier: GPL-2.0-or-later
"""What ansible-vault has encrypted, opened with Ansible's own library, which is there only when asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ksgen.problems import Finding

PASSWORD_FILE_VARIABLE = "ANSIBLE_VAULT_PASSWORD_FILE"
# What a vaulted file or value begins with (ansible.parsing.vault.b_HEADER).
HEADER = b"$ANSIBLE_VAULT;"

_WAY_OUT = f"name the file with the password: --vault-password-file FILE, or {PASSWORD_FILE_VARIABLE}=FILE"
_INSTALL = "install it: pip install 'ovirt-node-installer[vault]'"


def password_files(given: Iterable[str], environment: Mapping[str, str]) -> tuple[str, ...]:
    """The files with passwords: those of the command line, then the one that Ansible takes from the environment."""
    own = environment.get(PASSWORD_FILE_VARIABLE)
    return (*given, own) if own else tuple(given)


class Opener:
    """Opens vaulted texts, each once. A file with a password that is a program is run, as Ansible runs it."""

    def __init__(self, files: Iterable[str] = ()) -> None:
        self._files = tuple(files)
        self._opened: dict[bytes, str | Finding] = {}

    def open(self, ciphertext: str | bytes) -> str | Finding:
        """The text behind a ciphertext, or why it stays closed."""
        data = ciphertext.encode() if isinstance(ciphertext, str) else ciphertext
        data = data.strip()
        known = self._opened.get(data)
        if known is None:
            known = self._opened[data] = self._open(data)
        return known

    def _open(self, data: bytes) -> str | Finding:
        if not self._files:
            return Finding("vault-no-password", "it is vaulted, and no password was given", hint=_WAY_OUT)
        decrypt = self._decrypt
        return decrypt if isinstance(decrypt, Finding) else decrypt(data)

    @functools.cached_property
    def _decrypt(self) -> Callable[[bytes], str | Finding] | Finding:
        """Ansible's decryption with the passwords; loading it takes half a second, so only when something is closed."""
        try:
            from ansible.errors import AnsibleError
            from ansible.parsing import vault
            from ansible.parsing.dataloader import DataLoader
        except ImportError:
            message = "it is vaulted, and ansible-core, which is required to decrypt it, is not installed"
            return Finding("vault-no-library", message, hint=_INSTALL)
        if not vault.HAS_CRYPTOGRAPHY:
            return Finding(
                "vault-no-library", "it is vaulted, and the Python package cryptography is missing", hint=_INSTALL
            )
        secrets = []
        for file in self._files:
            try:
                secret = vault.get_file_vault_secret(filename=file, loader=DataLoader())
                secret.load()
            except (AnsibleError, OSError) as error:
                message = f"it is vaulted, and the password cannot be read: {_one_line(error)}"
                return Finding("vault-password-file", message)
            secrets.append(("default", secret))
        return functools.partial(_decrypted, vault, AnsibleError, vault.VaultLib(secrets))


def _decrypted(vault: Any, ansible_error: type[Exception], library: Any, data: bytes) -> str | Finding:
    try:
        plain: bytes = library.decrypt(data)
    except vault.AnsibleVaultFormatError:
        return Finding("vault-damaged", "it is vaulted, but damaged or truncated", hint="encrypt it again")
    except ansible_error:
        if not vault.is_encrypted(data):
            return Finding("vault-damaged", "it has the tag of a vaulted value, but is not one", hint="encrypt it")
        if b";AES256" not in data.partition(b"\n")[0]:
            return Finding(
                "vault-damaged", "it is vaulted in a format that Ansible does not support", hint="encrypt it again"
            )
        return Finding(
            "vault-wrong-password", "it is vaulted, and cannot be decrypted with any of the passwords", hint=_WAY_OUT
        )
    try:
        return plain.decode()
    except UnicodeDecodeError:
        return Finding("vault-damaged", "it is vaulted, and the decrypted text is not UTF-8", hint="encrypt it again")


def _one_line(error: Exception) -> str:
    text = str(error).split("\n")[0].rstrip(".")
    return text if text.isprintable() else ascii(text)
