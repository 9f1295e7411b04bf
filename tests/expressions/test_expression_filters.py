# SPDX-License-Identifier: GPL-2.0-or-later
"""The filters and tests that Ansible has beside Jinja's: each gives what Ansible's gives, also at the edges."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible.plugins.loader import init_plugin_loader
from test_expressions import FAILED, Values, by_ansible, by_ksgen, site, typed

from ksgen.expressions import filters
from ksgen.problems import Problem

# Each expression stands alone in {{ }}. What fails in Ansible has to be a problem here.
EXPRESSIONS = r"""
inventory_hostname_short | regex_replace('^node(\d+).*', '\1')
inventory_hostname_short | regex_replace('\D')
mac | regex_replace(':', '-')
mac | regex_replace('(?P<a>..):', '\g<a>.')
'aBa' | regex_replace('b', 'x', ignorecase=true)
'a\nb' | regex_replace('^b', 'x', multiline=true)
'aaa' | regex_replace('a', 'b', count=2)
'aaa' | regex_replace('a', 'b', mandatory_count=3)
'aaa' | regex_replace('a', 'b', mandatory_count=2)
'Grüße' | regex_replace('ü', 'ue')
'' | regex_replace('', 'x')
n | regex_replace('7', 'x')
[1, 'a'] | regex_replace('a', 'b')
none | regex_replace('o', 'x')
true | regex_replace('T', 'x')
text | regex_replace('(', 'x')
text | regex_replace('b', '\9')
text | regex_replace('b', 1)
nowhere | regex_replace('a', 'b') | default('none')
names | map('regex_replace', '^eno', 'eth') | list
'a1b22' | regex_findall('\d+')
'a1b22' | regex_findall('([a-z])(\d)')
'AB' | regex_findall('a', ignorecase=true)
'a\nb' | regex_findall('^.', multiline=true)
12 | regex_findall('\d')
'' | regex_findall('x')
'node12' | regex_search('\d+')
'node12' | regex_search('x') is none
'node12' | regex_search('x')
'node12' | regex_search('(\d)(\d)', '\2', '\1')
'node12' | regex_search('(?P<n>\d+)', '\g<n>')
'node12' | regex_search('(\d)', '\5')
'node12' | regex_search('(\d)', 'x')
'NODE' | regex_search('node', ignorecase=true)
'a\nb' | regex_search('^b$', multiline=true)
n | regex_search('7')
'node12' | regex_search('x', '\1')
'a.b*c' | regex_escape
'a.b[c]$^\\' | regex_escape('posix_basic')
'a' | regex_escape('posix_extended')
'a' | regex_escape('perl')
5.5 | regex_escape
'a b  c' | split
'a-b-c' | split('-')
'a-b-c' | split('-', 1)
'' | split
'' | split('-')
'äöü' | split('ö')
'abc' | split('')
5 | split('-')
none | split
names | map('split', 'o') | list
true | ternary('yes', 'no')
0 | ternary('yes', 'no')
'' | ternary(1, 2)
none | ternary(1, 2)
none | ternary(1, 2, 3)
none | ternary(1, 2, none)
nowhere | ternary(1, 2) | default('undefined')
yes_ | ternary(1, nowhere)
(n > 5) | ternary('a', 'b')
true | ternary('yes')
{'a': 1} | combine({'b': 2})
{'a': 1} | combine({'a': 2}, {'c': 3})
{'a': {'x': 1}} | combine({'a': {'y': 2}})
{'a': {'x': 1}} | combine({'a': {'y': 2}}, recursive=true)
{'a': [1]} | combine({'a': [2]}, list_merge='append')
{'a': [1]} | combine({'a': [2]}, list_merge='prepend')
{'a': [1, 2]} | combine({'a': [2, 3]}, list_merge='append_rp')
{'a': [1, 2]} | combine({'a': [2, 3]}, list_merge='prepend_rp')
{'a': [1]} | combine({'a': [2]}, list_merge='keep')
{'a': {'l': [1]}} | combine({'a': {'l': [2]}}, recursive=true, list_merge='append')
{'a': [1]} | combine({'a': [1]}, list_merge='append')
{'a': 1} | combine({'a': 2}, list_merge='zap')
{'a': 1} | combine({'a': 2}, deep=true)
[{'a': 1}, {'b': 2}] | combine
[{'a': 1}, {'b': 2}] | combine({'c': 3})
[] | combine
{} | combine({'a': 1})
{'a': 1} | combine({})
{'a': 1} | combine(5)
5 | combine({'a': 1})
{'a': 1} | combine(none)
whole | combine({'c': n})
nested | combine({'b': {'d': 1}}, recursive=true) | length
nowhere | combine({'a': 1}) | default('none')
'yes' | bool
'True' | bool
'on' | bool
'1' | bool
1 | bool
true | bool
'no' | bool
'off' | bool
'0' | bool
0 | bool
false | bool
'' | bool
'maybe' | bool
2 | bool
1.0 | bool
0.5 | bool
none | bool
[] | bool
[1] | bool
{'a': 1} | bool
' yes' | bool
n | mandatory
nowhere | mandatory
nowhere | mandatory('it is needed') | default('x')
none | mandatory
'' | mandatory
whole | dict2items
whole | dict2items(key_name='k', value_name='v')
{} | dict2items
nested | dict2items | length
[1] | dict2items
'a' | dict2items
none | dict2items
[{'key': 'a', 'value': 1}, {'key': 'b', 'value': [2]}] | items2dict
[{'n': 'a', 'v': 1}] | items2dict('n', 'v')
users | items2dict(key_name='name', value_name='id')
[] | items2dict
[{'key': 'a'}] | items2dict
[1] | items2dict
'ab' | items2dict
{'a': 1} | items2dict
whole | dict2items | items2dict
[1, [2, [3, [4]]]] | flatten
[1, [2, [3, [4]]]] | flatten(levels=1)
[1, [2, [3]]] | flatten(0)
[1, none, 'None', 'null', [none]] | flatten
[1, none, [none]] | flatten(skip_nulls=false)
[] | flatten
'abc' | flatten
5 | flatten
{'a': [1]} | flatten
[(1, 2), [3]] | flatten
[{'a': [1]}, ['b']] | flatten
[3, 1, 3, 2, 1] | unique
['b', 'a', 'B'] | unique
['b', 'B'] | unique(case_sensitive=true)
[[1], [1], [2]] | unique
users | unique(attribute='id')
'hello' | unique
5 | unique
[1, 1.0, true] | unique
[3, 1] | union([1, 2]) | sort
names | union(['eno3']) | sort
[[1]] | union([[2], [1]])
[{'a': 1}] | union([{'a': 1}, {'b': 2}])
[1] | union(5)
'ab' | union('bc') | sort
[1, 2, 3] | intersect([3, 2, 9]) | sort
[[1], [2]] | intersect([[2]])
[1, 1] | intersect([1])
[1] | intersect([])
5 | intersect([1])
[1, 2, 3] | difference([2]) | sort
[[1], [2]] | difference([[2]])
groups.all | difference([inventory_hostname]) | sort
['b', 'b', 'a'] | difference(['a'])
[1] | difference(5)
[1, 2] | symmetric_difference([2, 3]) | sort
[[1], [2]] | symmetric_difference([[2], [3]])
[] | symmetric_difference([])
[1, 2] | zip(['a', 'b'])
[1, 2] | zip(['a', 'b'], [true, false])
[1, 2, 3] | zip(['a'])
[] | zip([1])
'ab' | zip('cd')
[1] | zip(5)
[1, 2] | zip([3], strict=true)
dict(['a', 'b'] | zip([1, 2]))
[1, 2] | product(['a', 'b'])
[1] | product([2], [3, 4])
[0, 1] | product(repeat=2)
[] | product([1])
'ab' | product('c')
[1] | product(5)
[1] | product([2], repeat=-1)
'Grüße' | b64encode
'' | b64encode
5 | b64encode
'a?>' | b64encode(urlsafe=true)
'ab' | b64encode(encoding='utf-16-le')
'ü' | b64encode('latin-1')
'R3LDvMOfZQ==' | b64decode
'YT8-' | b64decode(urlsafe=true)
'YQBiAA==' | b64decode(encoding='utf-16-le')
'YQ' | b64decode
'%%%' | b64decode
'' | b64decode
none | b64encode
[1, 'a'] | b64encode
text | hash
text | hash('md5')
text | hash('sha256')
text | hash('sha512')
'Grüße' | hash('sha256')
'' | hash
5 | hash
text | hash('none')
text | hash('blake2b')
{'a': [1, 'ü', none, true, 1.5]} | to_json
{'b': 1, 'a': 2} | to_json(sort_keys=true)
{'a': [1]} | to_json(indent=2)
'ü' | to_json(ensure_ascii=false)
whole | to_json
nested | to_json | from_json == nested
n | to_json
'x' | to_json
none | to_json
(1, 2) | to_json
nowhere | to_json | default('x')
{'a': nowhere} | to_json | default('x')
{'b': 1, 'a': [2]} | to_nice_json
{'a': 1} | to_nice_json(indent=1)
'{"a": [1, 2.5, null, true, "ü"]}' | from_json
'[1' | from_json
'' | from_json
'5' | from_json
5 | from_json
none | from_json
{'a': [1, 'ü', none, true, 1.5]} | to_yaml
{'b': 1, 'a': {'c': [1, 2]}} | to_yaml
{'b': 1, 'a': 2} | to_yaml(sort_keys=false)
[names, names] | to_yaml
'a: b' | to_yaml
'yes' | to_yaml
n | to_yaml
none | to_yaml
'' | to_yaml
'a\nb' | to_yaml
whole | to_yaml(indent=4, default_flow_style=false)
{'a': 'x' * 100 + ' ' + 'y' * 20} | to_yaml(width=40)
nowhere | to_yaml | default('x')
{'b': [1, {'c': 2}], 'a': 'text'} | to_nice_yaml
{'a': {'b': {'c': 1}}} | to_nice_yaml(indent=2)
'a: [1, 2]' | from_yaml
'a: {b: yes, c: 010, d: 1.5, e: null}' | from_yaml
'' | from_yaml
'[1' | from_yaml
'a: 1\na: 2' | from_yaml
none | from_yaml
'just text' | from_yaml
'&a [1, 2]' | from_yaml
'2020-01-02' | from_yaml
'!!python/object/apply:os.getcwd []' | from_yaml
'a b' | quote
"it's" | quote
'' | quote
none | quote
5 | quote
'ü' | quote
'abc' | quote
'/a/b/c.txt' | basename
'/a/b/' | basename
'' | basename
'c' | basename
5 | basename
'/a/b/c.txt' | dirname
'/a/b/' | dirname
'c' | dirname
none | dirname
'/a/b.tar.gz' | splitext
'.bashrc' | splitext
'a' | splitext
5 | splitext
['a.b', 'c.d'] | map('splitext') | map('first') | list
'1' | human_to_bytes
'10M' | human_to_bytes
'1.5 GB' | human_to_bytes
'1 gigabyte' | human_to_bytes
'10' | human_to_bytes('K')
10 | human_to_bytes(default_unit='M')
'5b' | human_to_bytes
'1Mb' | human_to_bytes
'1Mb' | human_to_bytes(isbits=true)
'1MB' | human_to_bytes(isbits=true)
'-5K' | human_to_bytes
'' | human_to_bytes
'x' | human_to_bytes
'1 QB' | human_to_bytes
'0.5K' | human_to_bytes
'2.5' | human_to_bytes
'1 Byte' | human_to_bytes
'3 KiB' | human_to_bytes
'1Y' | human_to_bytes
none | human_to_bytes
[1] | human_to_bytes
'abc' is match('a')
'abc' is match('b')
'ABC' is match('a', ignorecase=true)
'a\nb' is match('b', multiline=true)
'abc' is search('b')
'abc' is search('x')
'a\nb' is search('^b', multiline=true)
'abc' is regex('b')
'abc' is regex('b', match_type='match')
'abc' is regex('abc', match_type='fullmatch')
'ABC' is regex('b', ignorecase=true)
5 is match('5')
none is search('None')
'abc' is match('(')
'' is match('')
'Grüße' is search('ü')
nowhere is match('a')
names | select('match', 'eno1') | list
users | selectattr('name', 'search', 'e') | map(attribute='name') | list
'1.10' is version('1.9', '>')
'1.10' is version('1.10')
'1.10' is version('1.10', '!=')
'9.4' is version('10', '<')
'1.2a' is version('1.2b', 'lt')
'1.2' is version('1.x', 'lt')
9 is version(8, 'ge')
9.4 is version('9.4', 'eq')
'' is version('1')
'1' is version('')
'1.2' is version('1', 'about')
'1.2.3' is version('1.2.3', 'eq', strict=true)
'1.2' is version('1.2.0', 'eq', strict=true)
'1.2a1' is version('1.2', '<', strict=true)
'1.2a1' is version('1.2b1', '<', strict=true)
'1' is version('1.2', '<', strict=true)
'1.2.3-rc.1' is version('1.2.3', '<', version_type='semver')
'1.2.3-rc.1' is version('1.2.3-rc.10', '<', version_type='semver')
'1.2.3-1' is version('1.2.3-a', '<', version_type='semantic')
'1.2.3+b' is version('1.2.3', '==', version_type='semver')
'1.2' is version('1.2.0', '==', version_type='semver')
'1.2' is version('1.3', '<', version_type='loose')
'1.2' is version('1.3', '<', strict=true, version_type='loose')
'1.2' is version('1.3', '<', version_type='odd')
'1.10' is version_compare('1.9', '>')
[1] is subset([1, 2])
[1, 3] is subset([1, 2])
[] is subset([])
[1] is issubset([1])
[1, 2] is superset([1])
[1] is superset([1, 2])
[1, 2] is issuperset([2])
[[1]] is subset([[1]])
5 is subset([5])
'ab' is subset('abc')
[1, 2] is contains(1)
[1, 2] is contains(3)
'abc' is contains('b')
whole is contains('a')
5 is contains(5)
nested is contains('b')
[[1, 2], [3]] | select('contains', 3) | list
n is truthy
'' is truthy
none is falsy
[0] is falsy
[true, 1] is all
[] is all
[0, 1] is any
[] is any
5 is any
"""
TABLE = {f"v{number}": line for number, line in enumerate(EXPRESSIONS.strip().split("\n"))}
# Where ksgen refuses what Ansible gives a value for: expression, the code of the problem. docs/expressions.md says why.
STRICTER: dict[str, str] = {}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Values, Values, dict[str, Problem]]:
    init_plugin_loader()
    path = tmp_path_factory.mktemp("filters") / "hosts.yaml"
    path.write_text(site({f"node_{name}": f"{{{{ {line} }}}}" for name, line in TABLE.items()}))
    values, problems = by_ksgen(path)
    return by_ansible(path), values, {problem.variable or "": problem for problem in problems}


@pytest.mark.parametrize("name", TABLE, ids=TABLE.get)
def test_gives_what_ansible_gives(name: str, both: tuple[Values, Values, dict[str, Problem]]) -> None:
    theirs, ours, problems = both
    key = "node01.a.example.com", f"node_{name}"
    if TABLE[name] in STRICTER:
        assert theirs[key] is not FAILED
        assert problems[key[1]].code == STRICTER[TABLE[name]]
    else:
        assert typed(ours[key]) == typed(theirs[key]), problems.get(key[1])


def test_every_filter_and_test_is_in_the_table() -> None:
    words = set(EXPRESSIONS.replace("(", " ").replace("'", " ").split())
    assert words >= filters.FILTERS.keys() | filters.TESTS.keys()


# A stand-in for the collection ansible.utils, which is large: most of its filters take an environment first.
_STAND_IN = """
from jinja2.filters import pass_environment

@pass_environment
def _ipaddr(_, value, query=""):
    if not isinstance(value, str):
        raise ValueError("not an address")
    return f"{value}?{query}"

class FilterModule:
    def filters(self):
        return {"ipaddr": _ipaddr}
"""


_PROGRAM = """
import json, pathlib, sys
from ksgen import inventory
from ksgen.expressions import Expressions
from ksgen.syntax import plain
site, _ = inventory.read([pathlib.Path(sys.argv[1])])
done = Expressions(site).rendered(site.hosts[0])
values = {name: plain(variable.node) for name, variable in done.entry.variables.items()}
print(json.dumps([values, [problem.message for problem in done.problems]]))
"""


def test_filters_for_addresses_are_those_of_the_collection(tmp_path: Path) -> None:
    place = tmp_path / "ansible_collections" / "ansible" / "utils" / "plugins" / "filter"
    place.mkdir(parents=True)
    (place / "ipaddr.py").write_text(_STAND_IN)
    (tmp_path / "netaddr.py").write_text("")
    path = tmp_path / "hosts.yaml"
    path.write_text(
        "all: {hosts: {n01: {node_a: \"{{ '10.0.0.0/8' | ipaddr('1') }}\", node_b: '{{ 1 | ansible.utils.ipaddr }}',"
        " node_c: \"{{ ['a'] | map('ipaddr', 2) | list }}\"}}}"
    )
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert json.loads(done.stdout) == [{"node_a": "10.0.0.0/8?1", "node_c": ["a?2"]}, ["ipaddr: not an address"]]
