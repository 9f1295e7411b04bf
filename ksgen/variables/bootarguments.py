# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kickstart of a host needs on the command line of the installer's kernel, whatever boots it."""

from __future__ import annotations

from ksgen.variables.network import pins
from ksgen.variables.settings import Settings

# A variable for all programs that systemd starts, Anaconda among them (systemd(1)).
ENVIRONMENT = "systemd.setenv"
# update-ca-trust(8) writes it; requests reads the file that this variable names at each download.
_TRUST = f"{ENVIRONMENT}=REQUESTS_CA_BUNDLE=/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"


# com_redhat_kdump, service/initialization.py: without it the add-on does not start, and its section of the kickstart
# has no effect (its branch rhel starts in any case).
KDUMP_ADDON = "inst.kdump_addon=on"


def boot_arguments(settings: Settings) -> tuple[str, ...]:
    """The names of NICs by MAC address, which dracut gives, and what node_ca_certificates and node_kdump need."""
    names = (f"ifname={name}:{mac}" for name, mac in pins(settings.network))
    return (*names, *_trust(settings), *((KDUMP_ADDON,) if settings.kdump else ()))


def _trust(settings: Settings) -> tuple[str, ...]:
    """For downloads by Anaconda of EL10 from servers with an authority of the site.

    Its requests (2.32.0 to 2.32.4, adapters.py: _preloaded_ssl_context) reads the installer's authorities when it is
    imported, which is before %pre adds those of the site, and reads no others unless the environment names their file.
    """
    is_secure = any(url and url.startswith("https:") for url in (settings.image_url, settings.tree_url))
    return (_TRUST,) if is_secure and settings.ca_certificates and settings.release == "el10" else ()
