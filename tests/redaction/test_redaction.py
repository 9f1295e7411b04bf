# SPDX-License-Identifier: GPL-2.0-or-later
"""What is hidden of a text that is shown, and what is not: each line as it is, and as a reviewer sees it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from pykickstart.handlers.control import commandMap
from pykickstart.version import stringToVersion

from ksgen import redaction
from ksgen.kickstart.page import programs
from ksgen.redaction import (
    HASH,
    KEY,
    Span,
    label,
    may_hold_secret,
    names_secret,
    quoted_span,
    redacted,
    secrets,
    without_secrets,
)

DATA = Path(__file__).parents[1] / "data"

# What is hidden of a line stands between « and ».
SECRETS = r"""
rootpw «SECRET»
rootpw --plaintext «SECRET»
rootpw '«SECRET SECRET»' --plaintext
rootpw "«SECRET 'SECRET»" --plaintext
rootpw «"SECRET\" SECRET"» --plaintext
rootpw «"SECRET SECRET»
rootpw «'SECRET SECRET»
rootpw «SECRET\ SECRET» --plaintext
rootpw «SECRET» #why not
rootpw «SECRET» # «$6$x$h»
user --name=a --passwo=«SECRET» --gid=1
rdp --username=a --passwo=«SECRET»
vnc --host=h --passwo=«SECRET»
rhsm --organization=1 --activation-k=«SECRET»
rhsm --organization=1 --activation-k «SECRET»
rootpw --plaintext «SECRET#SECRET»
rootpw --iscrypted «$6$x$h»
rootpw --iscrypted '«$6$x$h»'
  sshpw --username=a «SECRET»
sshpw --username a --plaintext «SECRET»
user --name=a --password=«SECRET» --gid=1
user --name=a --password "«SECRET SECRET»" --gid=1
user --name=a --password='«SECRET»' --gid=1
user --name=a --password=«$6$x$h» --iscrypted
user --name=a --pass «SECRET» --gid=1
part / --encrypted --passphrase=«SECRET»
part / --encrypted --passph «SECRET» --size=1
partition / --passphrase «SECRET»
logvol / --backuppassphrase --passphrase=«SECRET»
raid / --passphrase=«SECRET»
autopart --encrypted --passphrase «SECRET»
bootloader --password=«SECRET» --append=quiet
bootloader --password=«$6$x$h» --iscrypted
iscsi --target=a --user=b --password=«SECRET» --reverse-user=c --reverse-password «SECRET»
network --wepkey=«SECRET» --device=a
network --wpakey «SECRET» --device=a
network --wpa «SECRET» --device=a
vnc --host=h --password=«SECRET»
rdp --username=a --password=«SECRET»
rhsm --organization=1 --activation-key=«SECRET» --activation-key "«SECRET»"
realm join --one-time-password=«SECRET» example.com
realm join --one-time «SECRET» example.com
url --url=http://«SECRET»@b.example.com/
url --url=http://«SECRET»@b.example.com/a --proxy=http://«SECRET»@p.example.com:3128
url --url=http://«a:SECRET/SECRET»@b.example.com/
url --url=http://«a:#SECRET»@b.example.com/
url --url=http://«a:SECRET@SECRET»@b.example.com/
url --url=http://«a:80SECRET/SECRET»@b.example.com/
url --url=http://«u:12/SECRET»@h/a
url --url=http://«u:12#SECRET»@h/a
url --url=http://«u:12?SECRET»@h/a
url --url=http://«u:12/SECRET@SECRET»@h/a
url --url=http://«a.b:12/SECRET»@b.example.com/a
url --url=http://«a.b:12/SECRET»@b.example.com:80/a
url --url="http://«a.b:12#SECRET»@b.example.com"
url --url=http://«a.b:12/SECRET»@192.0.2.1/a
url --url=http://«a.b:12/SECRET»@[2001:db8::1]/a
curl http://«a.b:12/SECRET»@b.example.com
liveimg --url=ftp://«SECRET»@[2001:db8::1]/a
password = «SECRET»
password = «SECRET SECRET; SECRET»
  - password: «SECRET SECRET»
password:«SECRET»
password=«SECRET»
password:=«SECRET»
password == "«SECRET»"
'password' => '«SECRET»',
{"password":"«SECRET»"}
{"password": "«SECRET»", "name": "a"}
{password: «SECRET», name: a}
[{name: a, passwd: «SECRET»}]
curl -d "{\"password\":\"«SECRET»\"}" h
curl -d "{\"password\": \"«SECRET \\ SECRET»\"}" h
password='«SECRET SECRET»' x
password="«SECRET \"SECRET»" x
password="«SECRET»
password='«SECRET»
password=«SECRET»; x
password=«SECRET,SECRET»
password=«SECRET\SECRET»
mount -o username=a,password=«SECRET»,domain=b //h/s /mnt
f(password=«SECRET», name=a)
dbPassword=«SECRET»
PGPASSWORD=«SECRET» psql
ADMIN_PASS=«SECRET»
pass=«SECRET»
pw: «SECRET»
bind-pw: «SECRET»
wpa_psk=«SECRET»
passphrase=«SECRET»
passwd=«SECRET»
client_secret: «SECRET»
authToken=«SECRET»
ldap_default_authtok = «SECRET»
bindpw SECRETLESS=1 bindpw=«SECRET»
API_KEY=«SECRET»; x
accesskey=«SECRET»
private-key=«SECRET»
activation_key=«SECRET»
root_password: «SECRET» # why
password=«${SECRET»
openssl enc -pass pass:«SECRET»
subscription-manager register --username a --password «SECRET» --org 1
subscription-manager register --activationkey "«SECRET»"
tool --client-secret «SECRET»
tool --db-pass '«SECRET SECRET»'
curl 'http://x/?a=1&token=«SECRET»&b=2'
curl "http://x/?X-Amz-Signature=«SECRET»#top"
curl http://x/?sig=«SECRET»
curl http://x/?api_key=«SECRET»
curl http://x/?key=«SECRET»
curl http://x/?auth=«SECRET»
curl http://x/?X-Amz-Credential=«SECRET»
curl http://x/?code=«SECRET»
append inst.ks=http://x/ks/a.ks?armed=a.1700000000.1700000001.«0123456789abcdef0123456789abcdef» quiet
"random": "«0123456789abcdef0123456789abcdef»",
curl -H "Authorization: Bearer «SECRET»"
curl -H 'Authorization: Basic «SECRET»' h
curl -H 'authorization: Token «SECRET»' h
curl -H 'Authorization: «SECRET»' h
curl -H "X-Auth-Token: «SECRET»" h
curl -H "X-Api-Key: «SECRET»" h
auth Bearer «SECRETSECRET»
curl -u a:«SECRET» h
curl -ua:«SECRET» h
curl -s -u 'a:«SECRET SECRET»' h
curl -u "a:«SECRET SECRET»" h
curl --user a:«SECRET» h
curl --user=a:«SECRET» h
curl -U a:«SECRET» h
curl --proxy-user a:«SECRET» h
    -u a:«SECRET» \
sshpass -p «SECRET» ssh h
sshpass -p'«SECRET»' ssh h
ldapsearch -x -D cn=a -w «SECRET» -b b
ldapadd -w '«SECRET»'
ipa-client-install -p admin -w «SECRET»
useradd -p «SECRET» a
usermod -p '«$6$x$h»' a
podman login -u a -p «SECRET» registry
mysql -u a -p«SECRET» db
mysqldump -p'«SECRET»' db
mariadb-dump -p«SECRET» db
echo root:«SECRET» | chpasswd
echo 'root:«SECRET SECRET»' | chpasswd
echo "root:«SECRET»" | /usr/sbin/chpasswd
echo -n root:«SECRET» | sudo chpasswd -R /mnt
echo root:«$6$x$h» | chpasswd -e
printf root:«SECRET» | chpasswd
echo «SECRET» | passwd --stdin root
echo «a:SECRET» | passwd --stdin root
echo «SECRET SECRET» | passwd --stdin root
echo «SECRET» | kinit admin
echo «SECRET»|cryptsetup luksOpen /dev/x y
echo «SECRET» | realm join -U admin example.com
echo «SECRET» | sudo -S id
echo «SECRET» | smbpasswd -s a
echo «SECRET» | podman login --password-stdin
chpasswd <<< root:«SECRET»
chpasswd <<<"root:«SECRET SECRET»"
passwd --stdin root <<< '«SECRET SECRET»'
root:«$6$x$h»:19000:0:99999:7:::
userPassword:: «{SSHA}SECRET»
"""
# The hashes that are known by their looks.
HASHES = """
$1$salt$SECRET
$5$rounds=5000$salt$SECRET
$6$salt$SECRET
$7$salt$SECRET
$y$j9T$salt$SECRET
$gy$j9T$salt$SECRET
$md5$salt$SECRET
$md5,rounds=5$salt$SECRET
$sha1$4$salt$SECRET
$sm3$salt$SECRET
$sm3y$salt$SECRET
$2$05$SECRET
$2a$05$SECRET
$2b$05$SECRET
$2x$05$SECRET
$2y$05$SECRET
grub.pbkdf2.sha512.10000.SECRET.SECRET
{SSHA}SECRET
{SHA512}SECRET
{CRYPT}SECRET
"""
# Nothing of these is hidden.
HARMLESS = r"""
rootpw --lock # a comment
rootpw --lock
# rootpw SECRET is not what we write
user --name=a b
user --name=a --password="" --lock
user --name=a --plaintext --gid=1
sshpw --username=a --sshkey 'ssh-ed25519 AAAA a@b'
sshkey --username=root 'ssh-ed25519 AAAA a@b'
autopart --encrypted --backuppassphrase --escrowcert=http://a/b
iscsi --target=a --user=b --reverse-user c --ipaddr=d
realm join --no-password --computer-ou ou=a example.com
realm join example.com
keyboard --vckeymap us
repo --name=a --baseurl=http://a/ --sslclientkey=file:///etc/a.key
url --url=http://b.example.com/a@b
url --url=http://b.example.com:80/a@b
url --url=http://b.example.com?a@b
url --url=http://b.example.com:80/a@1.2/c
url --url=http://b.example.com:80/a?mail=a@b.example.com
url --url=http://b.example.com:80/a@1.2.3.4.5/c
url --url=http://localhost:80/a@b
liveimg --url=http://[2001:db8::1]:80/a@b
%wheel ALL=(ALL) NOPASSWD: ALL
%wheel ALL=(ALL) PASSWD: ALL
a ALL=(ALL) NOPASSWD:ALL
passwd:     files systemd
passwd: sss files
passwd: compat
passwd: db files
passwd: systemd
password    requisite   pam_pwquality.so local_users_only
PasswordAuthentication no
PermitRootLogin prohibit-password
Defaults passwd_tries=3
"/usr/share/factory/etc/passwd": NODE_IMAGE,
password_file=/etc/a
server_tokens off;
PWD=/root
bypass=1
compass: north
tokenizer=a
password=
password=""
password=$PASSWORD
password=$SECRET
password="${word}"
password=$db_pass
password=$1
password="$(cat /run/word)"
password: {{ word }}
password: true
"token": null,
--password --lock
tool --password-file /etc/a
tool --no-password example.com
tool --password
ssl_private_key=/etc/pki/a.key
private_key: /root/.ssh/id
secret=/run/secrets/a
token=/var/lib/a
token=/usr/share/a
token=/tmp/a
token=/dev/stdin
podman run -u 0:0 image
curl -u a h
curl 'http://x/?a=1&b=2'
Bearer of news
chage -p 1 a
mkdir -p a
ssh -p 22 h
mysql -p db
cat /etc/a | chpasswd
echo hello | tee a
passwd --lock root
getent passwd a | cut -d: -f6
-----BEGIN PUBLIC KEY-----
-----BEGIN CERTIFICATE-----
$6 is a price
"""


def lines_of(table: str) -> list[str]:
    return table.strip("\n").split("\n")


@pytest.mark.parametrize("line", lines_of(SECRETS))
def test_secret_is_hidden(line: str) -> None:
    written = line.replace("«", "").replace("»", "")
    seen = re.sub("«(.*?)»", lambda found: label(found.group(1)), line)
    assert redacted([written]) == [seen]


@pytest.mark.parametrize("text", lines_of(HASHES))
def test_hash_is_hidden_wherever_it_stands(text: str) -> None:
    assert redacted([f"a: '{text}', b"]) == ["a: '(a password hash)', b"]
    assert redacted([f"rootpw --iscrypted {text}"]) == ["rootpw --iscrypted (a password hash)"]


@pytest.mark.parametrize("line", lines_of(HARMLESS))
def test_harmless_text_is_shown(line: str) -> None:
    assert redacted([line]) == [line]


@pytest.mark.parametrize(
    ("secret", "seen"),
    [
        pytest.param("$6$salt$SECRET", "(a password hash)", id="hash"),
        pytest.param("x$6$salt$SECRET", "(secret)", id="more-than-a-hash"),
        pytest.param("SECRET", "(secret)", id="word"),
    ],
)
def test_label(secret: str, seen: str) -> None:
    assert label(secret) == seen


# --- secrets of several lines ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "seen"),
    [
        pytest.param(
            [
                "a",
                "-----BEGIN OPENSSH PRIVATE KEY-----",
                "SECRET",
                "-----END OPENSSH PRIVATE KEY-----",
                "an ordinary line",
            ],
            ["a", KEY, KEY, KEY, "an ordinary line"],
            id="openssh",
        ),
        pytest.param(
            [
                "-----BEGIN PGP PRIVATE KEY BLOCK-----",
                "Version: 1",
                "",
                "SECRET",
                "-----END PGP PRIVATE KEY BLOCK-----",
                "b",
            ],
            [KEY, KEY, KEY, KEY, KEY, "b"],
            id="pgp",
        ),
        pytest.param(
            ["-----BEGIN PRIVATE KEY-----", "SECRET", "-----END PRIVATE KEY-----", "b"],
            [KEY, KEY, KEY, "b"],
            id="pkcs8",
        ),
        pytest.param(
            ["PuTTY-User-Key-File-3: ssh-rsa", "SECRET", "Private-MAC: SECRET", "b"], [KEY, KEY, KEY, "b"], id="putty"
        ),
        pytest.param(
            ["a='-----BEGIN X25519 PRIVATE KEY-----", "SECRET", "-----END X25519 PRIVATE KEY-----' b"],
            ["a='" + KEY, KEY, KEY + "' b"],
            id="inside-lines",
        ),
        pytest.param(
            ["a='-----BEGIN PRIVATE KEY-----\\nSECRET\\n-----END PRIVATE KEY-----' b", "c"],
            ["a='" + KEY + "' b", "c"],
            id="on-one-line",
        ),
        pytest.param(
            ["-----BEGIN PRIVATE KEY-----", "SECRET-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"],
            [KEY, KEY, KEY],
            id="begins-twice",
        ),
        pytest.param(["-----BEGIN PRIVATE KEY-----", "SECRET", "%end", "b"], [KEY, KEY, "%end", "b"], id="cut-off"),
        pytest.param(
            ["-----BEGIN PUBLIC KEY-----", "a", "-----END PUBLIC KEY-----"],
            ["-----BEGIN PUBLIC KEY-----", "a", "-----END PUBLIC KEY-----"],
            id="public",
        ),
        pytest.param(
            ["chpasswd <<EOF", "root:SECRET", "a:SE:CRET", "EOF", "root:b"],
            ["chpasswd <<EOF", "root:(secret)", "a:(secret)", "EOF", "root:b"],
            id="chpasswd",
        ),
        pytest.param(
            ["/usr/sbin/chpasswd -e <<-'END'", "\troot:$6$salt$SECRET", "\tEND", "b"],
            ["/usr/sbin/chpasswd -e <<-'END'", "\troot:(a password hash)", "\tEND", "b"],
            id="chpasswd-indented",
        ),
        pytest.param(
            ["passwd --stdin root << EOF", "a:SECRET", "EOF", "b"],
            ["passwd --stdin root << EOF", "(secret)", "EOF", "b"],
            id="passwd",
        ),
        pytest.param(
            ['cryptsetup luksFormat /dev/x <<"EOF"', "SECRET", "EOF"],
            ['cryptsetup luksFormat /dev/x <<"EOF"', "(secret)", "EOF"],
            id="cryptsetup",
        ),
        pytest.param(
            ["a:", "  password: |", "    SECRET", "", "    SECRET ", "  name: b", "    c"],
            ["a:", "  password: |", "    (secret)", "(secret)", "    (secret)", "  name: b", "    c"],
            id="yaml-block",
        ),
        pytest.param(
            ['- "db_password": !unsafe &a >-2 # why', "   SECRET", "  name: b"],
            ['- "db_password": (secret) &a >-2 # why', "   (secret)", "  name: b"],
            id="yaml-block-in-a-list",
        ),
        pytest.param(
            ["password: |", "  SECRET", "%end", "  b"], ["password: |", "  (secret)", "%end", "  b"], id="yaml-cut-off"
        ),
        pytest.param(["name: |", "  password", "b"], ["name: |", "  password", "b"], id="yaml-block-of-another-name"),
        pytest.param(["password: a|", "  b"], ["password: (secret)", "  b"], id="no-yaml-block"),
        pytest.param(
            ["PASSWORD='SECRET", "  SECRET", "SECRET' b", "c'"],
            ["PASSWORD='(secret)", "  (secret)", "(secret)' b", "c'"],
            id="quoted",
        ),
        pytest.param(
            ['password: "SECRET \\', '  SECRET \\" SECRET', '  SECRET"', "b"],
            ['password: "(secret)\\', "  (secret)", '  (secret)"', "b"],
            id="yaml-quoted",
        ),
        pytest.param(['password="', 'SECRET"', "b"], ['password="', '(secret)"', "b"], id="quoted-from-the-next-line"),
        pytest.param(["password='SECRET", "%end", "b'"], ["password='(secret)", "%end", "b'"], id="quoted-and-cut-off"),
        pytest.param(
            ["password='SECRET", *["b"] * 20, "c'"], ["password='(secret)", *["b"] * 20, "c'"], id="quoted-far-away"
        ),
        pytest.param(
            ["password='SECRET", *["b"] * 19, "c'"],
            ["password='(secret)", *["(secret)"] * 19, "(secret)'"],
            id="quoted-as-far-as-can-be",
        ),
        pytest.param(['password="$(cat \\', '/run/a)"'], ['password="$(cat \\', '/run/a)"'], id="read-from-somewhere"),
        pytest.param(["name='a", "b'"], ["name='a", "b'"], id="quoted-of-another-name"),
        pytest.param(["password='SECRET'", "b'"], ["password='(secret)'", "b'"], id="quotation-is-closed"),
        pytest.param(["cat <<EOF", "root:a", "EOF"], ["cat <<EOF", "root:a", "EOF"], id="other-here-document"),
        pytest.param(["cat <<EOF", "chpasswd", "EOF", "root:a"], ["cat <<EOF", "chpasswd", "EOF", "root:a"], id="word"),
    ],
)
def test_secret_of_several_lines(lines: list[str], seen: list[str]) -> None:
    assert redacted(lines) == seen


# --- what is known of a text -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "known", "seen"),
    [
        pytest.param("echo swordfish x", [Span(5, 14)], "echo (secret) x", id="alone"),
        pytest.param("a b c", [Span(0, 1), Span(4, 5)], "(secret) b (secret)", id="two"),
        pytest.param("a b c", [Span(4, 5), Span(0, 1)], "(secret) b (secret)", id="in-any-order"),
        pytest.param("abc", [Span(0, 2), Span(1, 3)], "(secret)", id="overlapping"),
        pytest.param("abc", [Span(0, 3), Span(1, 2)], "(secret)", id="inside"),
        pytest.param("ab", [Span(0, 1), Span(1, 2)], "(secret)(secret)", id="side-by-side"),
        pytest.param("password=abc d", [Span(9, 14)], "password=(secret)", id="longer-than-it-looks"),
        pytest.param("password=abc d", [Span(10, 11)], "password=(secret) d", id="shorter-than-it-looks"),
        pytest.param("password=$6$a$b", [Span(9, 15)], "password=(a password hash)", id="a-hash"),
        pytest.param("x$6$a$b", [Span(0, 7)], "(secret)", id="a-hash-in-it"),
        pytest.param("$6$a$b x", [Span(0, 6, KEY)], KEY + " x", id="a-key-that-looks-like-a-hash"),
        pytest.param("abc", [Span(0, 1), Span(0, 2, KEY)], KEY + "c", id="the-longer-of-two"),
        pytest.param("abcd", [Span(0, 2, KEY), Span(1, 3, KEY)], "(secret)d", id="parts-of-two"),
        pytest.param("$6$a$b x", [Span(2, 6)], "(a password hash) x", id="inside-a-hash"),
        pytest.param("a b cd e", [Span(0, 1), Span(4, 5), Span(4, 6)], "(secret) b (secret) e", id="third-overlaps"),
        pytest.param("$6$a$b x", [Span(0, 8)], "(secret)", id="a-hash-at-its-beginning"),
    ],
)
def test_what_is_known_is_hidden_too(line: str, known: list[Span], seen: str) -> None:
    assert redacted(["root", line, "end"], {1: known}) == ["root", seen, "end"]


@pytest.mark.parametrize(
    ("line", "place", "span"),
    [
        pytest.param("x 'ab' y'", (2, 6), Span(3, 5), id="quoted"),
        pytest.param("x ab y", (2, 4), Span(2, 4), id="not-quoted"),
        pytest.param("'ab' x", (0, 4), Span(1, 3), id="first"),
        pytest.param('x "$6$a$b"', (2, 10), Span(3, 9, HASH), id="hash"),
        pytest.param("x 'a'b' y", (2, 7), Span(2, 7), id="quotation-ends-inside"),
        pytest.param("x ' y", (2, 3), Span(2, 3), id="one-quotation-mark"),
        pytest.param("x ''a' y", (2, 6), Span(2, 6), id="empty-quotation-first"),
        pytest.param("x 'a'' y", (2, 6), Span(2, 6), id="empty-quotation-last"),
    ],
)
def test_place_of_a_quoted_secret(line: str, place: tuple[int, int], span: Span) -> None:
    assert quoted_span(line, *place) == span


def test_secrets_are_told_by_their_places() -> None:
    assert secrets(["password=a b", "x", "rootpw $6$a$b"]) == [[Span(9, 10)], [], [Span(7, 13, "(a password hash)")]]


def test_programs_and_goldens_of_ours_hold_nothing_but_hashes() -> None:
    """What a reviewer has to see is not taken for a secret."""
    texts = [*programs(), *(path.read_text() for path in sorted((DATA / "goldens").glob("*.ks")))]
    assert len(texts) > len(programs())
    for text in texts:
        lines = text.split("\n")
        assert [
            seen for line, seen in zip(lines, redacted(lines), strict=True) if line != seen and HASH not in seen
        ] == []


# --- messages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "source", "told"),
    [
        pytest.param("no such option: --passwd=SECRET", "", "no such option: --passwd=(secret)", id="by-its-looks"),
        pytest.param("'SECRET' is no number", "user --password=SECRET", "'(secret)' is no number", id="by-its-line"),
        pytest.param("'SECRET' is no number", "user --gid=SECRET", "'SECRET' is no number", id="no-secret"),
        pytest.param("AB, A", "iscsi --password=A --reverse-password=AB", "(secret), (secret)", id="longest-first"),
    ],
)
def test_message_repeats_no_secret(message: str, source: str, told: str) -> None:
    assert without_secrets(message, source) == told


@pytest.mark.parametrize(
    ("message", "file", "told"),
    [
        pytest.param("password: an open door", "part / --encrypted", "password: an open door", id="our-own-words"),
        pytest.param("password: 'SECRET'.", "x SECRET", "password: '(secret)'.", id="of-another-line"),
        pytest.param("password=a\\tb", "x a\tb", "password=(secret)", id="written-otherwise"),
        pytest.param("password: SECRET", None, "password: (secret)", id="no-file"),
    ],
)
def test_message_hides_by_its_looks_only_what_a_file_has(message: str, file: str | None, told: str) -> None:
    assert without_secrets(message, "", file) == told


@pytest.mark.parametrize(
    ("text", "may"),
    [
        pytest.param("http://a:b#c@d/", True, id="hash-sign"),
        pytest.param("http://a:b/c@d/", True, id="slash"),
        pytest.param("nfs://a/b?c", True, id="query"),
        pytest.param("//a/b#c", True, id="fragment"),
        pytest.param("http://a b@c", True, id="blank"),
        pytest.param("http:/a:b@c", True, id="one-slash"),
        pytest.param("http://a/b c?d", False, id="not-in-the-url"),
        pytest.param("http://a/b", False, id="plain"),
        pytest.param("a@b", False, id="mail"),
        pytest.param("password=x", True, id="named"),
        pytest.param("a\npassword=x", True, id="in-a-later-line"),
        pytest.param("", False, id="empty"),
    ],
)
def test_value_that_may_hold_a_secret(text: str, may: bool) -> None:
    assert may_hold_secret(text) is may


@pytest.mark.parametrize(
    ("name", "may"),
    [
        pytest.param("db_password", True, id="password"),
        pytest.param("adminPasswd", True, id="passwd-in-any-case"),
        pytest.param("passphrase_of_luks", True, id="passphrase"),
        pytest.param("client-secret", True, id="secret"),
        pytest.param("api_token", True, id="token"),
        pytest.param("ssh_private_key", True, id="private-key"),
        pytest.param("compass", False, id="part-of-a-word"),
        pytest.param("public_key", False, id="public-key"),
        pytest.param(5, False, id="number"),
    ],
)
def test_name_of_a_secret(name: object, may: bool) -> None:
    assert names_secret(name) is may


# --- the commands of pykickstart -------------------------------------------------------------------------------------


@pytest.mark.parametrize("release", redaction._RELEASES)
def test_every_command_with_a_secret_is_known_by_its_name(release: str) -> None:
    """pykickstart is asked about the options of these alone."""
    names = commandMap[stringToVersion(release)]
    assert {name for name in names if redaction._read_command(name)} <= redaction._WITH_SECRETS
    assert {"rootpw", "user", "network"} <= {name for name in names if redaction._read_command(name)}


@pytest.mark.parametrize(
    "pattern",
    [
        *redaction._patterns(),
        redaction._HASH,
        redaction._KEY_BEGINS,
        redaction._READS_PASSWORDS,
        redaction._BLOCK,
        redaction._OPEN_QUOTE,
    ],
    ids=lambda pattern: pattern.pattern[:30],
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=some.data())
def test_what_a_pattern_finds_is_never_in_a_plain_line(pattern: re.Pattern[str], data: some.DataObject) -> None:
    text = data.draw(some.from_regex(pattern))
    assert not redaction.is_plain(text)


@pytest.mark.parametrize("line", SECRETS.strip().splitlines())
def test_line_with_a_secret_is_not_plain(line: str) -> None:
    assert not redaction.is_plain(line.replace("«", "").replace("»", ""))


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("", id="empty"),
        pytest.param("12:00:00,000 INF program: Running... rsync -pogAXtlHrDx --stats --exclude /dev/ /mnt/", id="log"),
        pytest.param("the network is up", id="name-of-a-command-behind"),
    ],
)
def test_most_lines_are_plain(line: str) -> None:
    assert redaction.is_plain(line)
