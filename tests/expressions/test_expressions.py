# SPDX-License-Identifier: GPL-2.0-or-later
"""Expressions: what Ansible makes of them, what is refused and in which words, and what they cannot do."""

from __future__ import annotations

import datetime
import json
import os
import resource
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import filter_loader, init_plugin_loader, test_loader
from ansible.template import Templar
from ansible.vars.manager import VariableManager
from counts import count
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2.filters import FILTERS
from jinja2.tests import TESTS
from trapfile import Entry, parameters

from ksgen.expressions import Expressions, vocabulary
from ksgen.expressions.language import Language
from ksgen.inventory import reader
from ksgen.problems import Problem, Report, to_text
from ksgen.syntax import plain

Values = dict[tuple[str, str], object]
FAILED = object()


@pytest.fixture(scope="module", autouse=True)
def _ansible_plugins() -> None:
    init_plugin_loader()


def site(variables: Mapping[str, object], **host: object) -> str:
    """An inventory of four hosts in groups, the first one with variables of its own."""
    return json.dumps(
        {
            "all": {
                "vars": {**SURROUNDINGS, **variables},
                "children": {
                    "rack_a": {"hosts": {"node01.a.example.com": host, "node02.a.example.com": {}}},
                    "rack_b": {"hosts": {"node03.b.example.com": {}}, "vars": {"rack": "b"}},
                    "el10": {"hosts": {"node03.b.example.com": {}, "node01.a.example.com": {}}},
                    "site": {"children": {"rack_a": {}, "rack_b": {}}},
                },
            }
        },
        ensure_ascii=False,
    )


SURROUNDINGS: dict[str, object] = {
    "n": 7,
    "zero": 0,
    "ratio": 1.5,
    "text": "abc",
    "digits": "012",
    "mac": "52:54:00:aa:00:01",
    "empty": "",
    "nothing": None,
    "yes_": True,
    "no_": False,
    "listed": [3, 1, "{{ n }}", 2],
    "names": ["eno2", "eno1", "eno1"],
    "mapping": {"a": "{{ n }}", "b": {"c": [1, "{{ text }}"]}, "{{ n }}": "key", "broken": "{{ undefined_name }}"},
    "nested": {"a": "{{ n }}", "b": {"c": [1, "{{ text }}"]}, "{{ n }}": "key"},
    "whole": {"a": 1, "b": "{{ n }}"},
    "users": [{"name": "erika", "id": 3}, {"name": "max", "id": 1}, {"name": "eva", "id": 3}],
    "indirect": "{{ n }}",
    "twice": "{{ indirect }}{{ indirect }}",
    "brace": "{",
    "rack": "a",
    "mine": {"first": 1, "second": "{{ mine.first + 1 }}"},
    "broken": "{{ undefined_name }}",
}

# What stands in a variable; the result has to be Ansible's, type and all.
SAME = {
    # what comes out
    "integer": "{{ 1 }}",
    "two-pieces": "{{ 1 }}{{ 2 }}",
    "digits-in-quotes": "{{ '1' }}",
    "blank-before": " {{ n }}",
    "blank-behind": "{{ n }} ",
    "line-feed-behind-number": "{{ n }}\n",
    "line-feeds-behind-text": "{{ text }}\n\n",
    "line-feed-inside": "a\n{{ n }}\nb",
    "true": "{{ true }}",
    "true-in-text": "is {{ yes_ }}",
    "float": "{{ 1.0 }}",
    "none": "{{ none }}",
    "none-in-text": "a{{ None }}b",
    "variable-of-nothing": "{{ nothing }}",
    "number-and-nothing": "{{ n }}{{ nothing }}",
    "list": "{{ [1, 'a', none, true, 1.5] }}",
    "tuple": "{{ (1, (2, 3)) }}",
    "tuple-in-text": "a{{ (1, 2) }}",
    "mapping": "{{ {'a': 1, 'b': [2]} }}",
    "list-in-text": "a{{ names }}",
    "omit-in-list": "{{ [1, omit, 2] }}",
    "omit-in-text": "a{{ omit }}b",
    "omitted-item": ["{{ omit }}", "{{ n }}"],
    "omitted-value": {"a": "{{ nowhere | default(omit) }}", "b": 1},
    "inside-a-list": ["{{ n }}", ["{{ text }}{{ n }}"]],
    "inside-a-mapping": {"a": "{{ n }}", "{{ n }}": "{{ text }}"},
    "made-template": "{{ brace ~ '{ n }}' }}",
    "template-in-quotes": "{{ '{{ n }}' }}",
    "braces-that-are-none": "a } b %} }}",
    "comment": "{# nothing #}x",
    "only-a-comment": "{# nothing #}",
    "raw": "{% raw %}{{ n }}{% endraw %}",
    "blanks-cut": "a  {{- n -}}  b",
    "backslash": "{{ 'a\\nb' }}",
    "backslash-in-statement": "{% set x = 'a\\nb' %}{{ x }}",
    "unicode": "{{ 'Grüße ' ~ text }} …",
    # names
    "host-name": "{{ inventory_hostname }}",
    "short-name": "{{ inventory_hostname_short }}",
    "group-names": "{{ group_names }}",
    "groups": "{{ groups }}",
    "group-by-name": "{{ groups['rack_a'] | length }}",
    "index-in-group": "{{ groups.site.index(inventory_hostname) }}",
    "in-group": "{{ 'rack_b' in group_names }}",
    "indirect": "{{ indirect }}",
    "indirect-keeps-type": "{{ indirect + 1 }}",
    "twice": "{{ twice }}",
    "of-a-group": "{{ rack | upper }}",
    # mappings and lists with expressions in them
    "item-of-mapping": "{{ mapping.a }}",
    "item-in-brackets": "{{ mapping['b']['c'][1] }}",
    "item-beside-a-broken-one": "{{ mapping.b }}",
    "keys": "{{ mapping.keys() }}",
    "key-is-there": "{{ 'a' in mapping }}",
    "mapping-get": "{{ mapping.get('a') }}{{ mapping.get('z', 'no') }}{{ mapping.get('z') }}",
    "mapping-broken-default": "{{ mapping.broken | default('none') }}",
    "whole-mapping": "{{ whole }}",
    "mapping-items": "{{ whole.items() | list }}",
    "mapping-loop": "{% for key in whole %}{{ key }}={{ whole[key] }};{% endfor %}",
    "list-item": "{{ listed[2] }}",
    "list-last": "{{ listed[-1] }}",
    "list-slice": "{{ listed[1:3] }}",
    "list-plus": "{{ listed + [0] }}",
    "list-sorted": "{{ listed | sort }}",
    "list-length": "{{ listed | length }}",
    "itself": "{{ mine.second }}",
    "equal-mappings": "{{ whole == {'a': 1, 'b': 7} }}",
    # undefined
    "default": "{{ nowhere | default('x') }}",
    "default-far-inside": "{{ nowhere.a.b['c'] | default(3) }}",
    "default-of-nothing": "{{ nothing | default('x') }}",
    "default-of-empty": "{{ empty | default('x', true) }}",
    "default-through-variable": "{{ broken | default('x') }}",
    "default-through-filter": "{{ nowhere | upper | default('x') }}",
    "default-of-item": "{{ whole.z | d([]) }}",
    "defined": "{{ nowhere is defined }}{{ n is defined }}{{ broken is defined }}{{ whole.z is undefined }}",
    "missing-in-empty": "{{ nowhere in [] }}",
    "missing-in-list-counted": "{{ [nowhere] | length }}",
    "missing-first": "{{ [nowhere] | first | default(3) }}",
    "missing-listed": "{{ [nowhere] | list | default(3) }}",
    "branch-not-taken": "{{ n if yes_ else nowhere }}",
    "or": "{{ yes_ or nowhere }}",
    "and": "{{ no_ and nowhere }}",
    # operators
    "arithmetic": "{{ 7 // 2 }} {{ 7 / 2 }} {{ 7 % 4 }} {{ 2 ** 8 }} {{ -n }} {{ +n }} {{ 2 + 3 * 4 }}",
    "division": "{{ 4 / 2 }}",
    "text-plus-text": "{{ text + 'd' }}",
    "text-times": "{{ text * 2 }}",
    "tilde": "{{ n ~ none ~ true ~ [1, 'a'] }}",
    "compare-chain": "{{ 1 < n <= 7 }}",
    "not-in": "{{ 'x' not in text }}",
    "equal-types": "{{ 1 == 1.0 }}{{ '1' == 1 }}",
    "text-slice": "{{ inventory_hostname_short[-2:] }}",
    "text-steps": "{{ text[::-1] }}",
    "printf": "{{ '%02x' % n }}",
    "printf-many": "{{ '%s-%03d' % (text, n) }}",
    "adjacent-texts": "{{ 'x' 'y' }}",
    # filters
    "int": "{{ '012' | int + 1 }}",
    "int-of-text": "{{ text | int }}",
    "int-base": "{{ 'ff' | int(base=16) }}",
    "float-filter": "{{ '1.50' | float }}",
    "round": "{{ 2.567 | round(1) }}{{ 2.5 | round }}{{ 2.1 | round(0, 'ceil') | int }}",
    "replace": "{{ mac | replace(':', '-') }}",
    "join": "{{ [1, 2, 3] | join('.') }}",
    "join-attribute": "{{ users | join(',', attribute='name') }}",
    "map-attribute": "{{ users | map(attribute='name') }}",
    "map-attribute-default": "{{ users | map(attribute='x', default='-') | list }}",
    "map-filter": "{{ names | map('upper') | map('replace', 'ENO', 'e') | list }}",
    "select": "{{ [1, 2, 3, 4] | select('even') }}",
    "select-comparing": "{{ [1, 2, 3, 4] | select('>', 2) }}",
    "reject": "{{ [1, 2, 3] | reject('equalto', 2) | list }}",
    "selectattr": "{{ users | selectattr('id', 'eq', 3) | map(attribute='name') | join(' ') }}",
    "rejectattr": "{{ users | rejectattr('id', 'in', [3]) }}",
    "selectattr-missing": "{{ users | selectattr('x', 'defined') }}",
    "unique": "{{ names | unique }}",
    "unique-letters": "{{ ['a', 'A', 'a'] | unique }}",
    "unique-mappings": "{{ [{'a': 1}, {'a': 1}, {'a': 2}] | unique }}",
    "sort-attribute": "{{ users | sort(attribute='id,name') | map(attribute='name') }}",
    "sort-by-what-is-missing": "{{ [{'x': 1}] | sort(attribute='id') | default('none') }}",
    "failed-beside-what-counts": "{{ [(5 | first), 1] | length }}",
    "groupby": "{{ users | groupby('id') }}",
    "groupby-parts": "{% for g in users | groupby('id') %}{{ g.grouper }}:{{ g.list | length }} {% endfor %}",
    "min-max-sum": "{{ [3, 1, 2] | min }}{{ [3, 1, 2] | max }}{{ [3, 1, 2] | sum }}{{ users | sum('id') }}",
    "dictsort": "{{ {'b': 1, 'a': 2} | dictsort }}",
    "items": "{{ whole | items }}",
    "batch": "{{ [1, 2, 3] | batch(2, 0) }}",
    "slice": "{{ [1, 2, 3] | slice(2) }}",
    "first-last": "{{ names | first }}{{ names | last }}",
    "reverse": "{{ [1, 2] | reverse }}{{ 'ab' | reverse }}",
    "letters": "{{ text | upper | lower | capitalize }}{{ 'a b' | title }}{{ ' a ' | trim }}",
    "center": "{{ text | center(9) }}|",
    "indent": "{{ 'a\nb' | indent(2) }}",
    "truncate": "{{ 'a long text of words' | truncate(10) }}",
    "tojson": "{{ {'a': [1, 'x<y']} | tojson }}",
    "string": "{{ n | string }}",
    "format": "{{ '%s/%d' | format(text, n) }}",
    "abs-length-count": "{{ -3 | abs }}{{ text | length }}{{ names | count }}{{ 'a b' | wordcount }}",
    "urlencode": "{{ 'a b&c' | urlencode }}",
    "filesizeformat": "{{ 2048 | filesizeformat(true) }}",
    "list-of-text": "{{ text | list }}",
    "range": "{{ range(3) | list }}{{ range(1, 9, 3) | list }}",
    "filter-with-prefix": "{{ text | ansible.builtin.upper }}",
    # tests
    "tests-of-type": "{{ n is number }}{{ text is string }}{{ whole is mapping }}{{ names is sequence }}",
    "tests-of-value": "{{ n is odd }}{{ n is divisibleby(7) }}{{ nothing is none }}{{ n is not even }}",
    "tests-compare": "{{ n is gt 3 }}{{ n is eq(7) }}{{ 1 is in [1] }}{{ text is lower }}{{ n is sameas n }}",
    "tests-iterable": "{{ names is iterable }}{{ n is iterable }}{{ ratio is float }}",
    "tests-boolean": "{{ n is integer }}{{ yes_ is boolean }}{{ 1 is true }}{{ no_ is false }}",
    # methods
    "split": "{{ inventory_hostname.split('.') }}",
    "split-item": "{{ mac.split(':')[-1] }}",
    "method-chain": "{{ text.upper().replace('B', '-').lower() }}",
    "startswith": "{{ text.startswith('a') }}{{ text.endswith('x') }}{{ text.find('c') }}",
    "zfill-ljust": "{{ '7'.zfill(3) }}{{ '7'.rjust(3, '0') }}{{ '7'.ljust(2) }}|",
    "format-method": "{{ '{:02x}:{name}'.format(n, name=text) }}",
    "format-item": "{{ '{0[a]}-{1.real}'.format({'a': 1}, 2) if false else '{0[a]}'.format({'a': 1}) }}",
    "join-method": "{{ '-'.join(names) }}",
    "method-in-brackets": "{{ text['upper']() }}",
    "list-index": "{{ names.index('eno1') }}{{ names.count('eno1') }}",
    "encode-hex": "{{ text.encode().hex() }}",
    # statements
    "if": "{% if n > 5 %}{{ n }}{% elif n %}few{% else %}none{% endif %}",
    "if-false": "{% if no_ %}x{% endif %}",
    "for": "{% for i in [1, 2] %}{{ i }}{% endfor %}",
    "for-once": "{% for i in [1] %}{{ i }}{% endfor %}",
    "for-else": "{% for i in [] %}x{% else %}none{% endfor %}",
    "for-if": "{% for i in range(6) if i is odd %}{{ loop.index }}{{ i }}{{ '' if loop.last else ',' }}{% endfor %}",
    "for-pairs": "{% for key, value in whole.items() %}{{ key }}={{ value }} {% endfor %}",
    "for-nested": "{% for i in [1, 2] %}{% for j in 'ab' %}{{ i }}{{ j }}{{ loop.index0 }}{% endfor %}{% endfor %}",
    "loop-words": "{% for i in 'abc' %}{{ loop.first }}{{ loop.revindex }}{{ loop.length }}{{ loop.cycle(1, 2) }}"
    "{{ loop.previtem | default('-') }}{{ loop.nextitem | default('-') }}{% endfor %}",
    "set": "{% set x = n + 1 %}{{ x }}",
    "set-pair": "{% set x, y = 1, 2 %}{{ y }}{{ x }}",
    "set-in-if": "{% if yes_ %}{% set x = 1 %}{% endif %}{{ x }}",
    "set-hides-variable": "{% set n = 1 %}{{ n }}{{ indirect }}",
    "set-in-for-is-lost": "{% set x = 0 %}{% for i in [1, 2] %}{% set x = i %}{% endfor %}{{ x }}",
    "namespace": "{% set ns = namespace(x=0) %}{% for i in [1, 2] %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}",
    "with": "{% with x = 1, y = n %}{{ x }}{{ y }}{% endwith %}",
    "statement-lines": "{% if yes_ %}\na\n{% endif %}\nb\n",
    "cycler-joiner": "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.current }}"
    "{% set j = joiner('+') %}{{ j() }}1{{ j() }}2",
    "dict-function": "{{ dict(a=1, b=n) }}{{ dict([['x', 1]]).x }}",
    # the main use
    "address": "10.1.100.{{ 10 + (inventory_hostname_short[-2:] | int) }}/24",
    "mac-of-rack": "52:54:00:0a:{{ '%02x' % n }}:01",
    "mac-alone": "{{ '52:54:00:%02x:%02x:01' % (10, inventory_hostname_short[-2:] | int) }}",
    "address-of-index": "{% set i = groups.all.index(inventory_hostname) %}10.0.{{ i // 250 }}.{{ i % 250 + 1 }}",
}


def by_ansible(path: Path) -> Values:
    """Every `node_` variable as `ansible -m debug -a var=…` gives it, by the same code."""
    loader = DataLoader()
    manager = InventoryManager(loader, sources=[str(path)])
    variables = VariableManager(loader, manager)
    values: Values = {}
    for host in manager.get_hosts():
        found = variables.get_vars(host=host)
        templar = Templar(loader, variables=found)
        for name in found:
            if name.startswith("node_"):
                try:
                    values[host.name, name] = templar.template(found[name])
                except Exception:
                    values[host.name, name] = FAILED
    return values


def by_ksgen(path: Path) -> tuple[Values, list[Problem]]:
    """The same, by ksgen, with the problems; a variable that is omitted is not there."""
    read, problems = reader.read([path])
    assert not problems
    expressions = Expressions(read)
    values: Values = {}
    for entry in read.hosts:
        done = expressions.rendered(entry)
        problems += done.problems
        for name, variable in done.entry.variables.items():
            if name.startswith("node_"):
                values[entry.name, name] = plain(variable.node)
        values.update({(entry.name, name): FAILED for name in done.failed})
    return values, problems


def typed(value: object) -> object:
    """The value with its types, by which true is not 1 and 1 is not 1.0."""
    if isinstance(value, dict):
        return {(typed(key), typed(child)) if not isinstance(child, dict | list) else (typed(key), repr(child))
                for key, child in value.items()}  # fmt: skip
    if isinstance(value, list | tuple):
        return [typed(child) for child in value]
    kind = next((kind for kind in (bool, int, float, str, datetime.date) if isinstance(value, kind)), type(value))
    return kind, str(value) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("same") / "hosts.yaml"
    path.write_text(site({"node_" + name.replace("-", "_"): value for name, value in SAME.items()}))
    return path


@pytest.fixture(scope="module")
def both(table: Path) -> tuple[Values, Values]:
    return by_ansible(table), by_ksgen(table)[0]


@pytest.mark.parametrize("name", SAME)
def test_gives_what_ansible_gives(name: str, both: tuple[Values, Values]) -> None:
    theirs, ours = both
    for host in ("node01.a.example.com", "node03.b.example.com"):
        key = host, "node_" + name.replace("-", "_")
        assert theirs[key] is not FAILED
        assert typed(ours[key]) == typed(theirs[key])


def test_gives_what_the_ansible_command_prints(tmp_path: Path) -> None:
    """The whole table through the real command, which prints JSON."""
    path = tmp_path / "hosts.yaml"
    path.write_text(site({"node_table": dict(SAME)}))
    command = [str(Path(sys.executable).parent / "ansible"), "all", "-i", str(path), "-m", "debug", "-c", "local"]
    environment = {
        **os.environ,
        "ANSIBLE_HOME": str(tmp_path),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        [*command, "-a", "var=node_table"], capture_output=True, text=True, env=environment, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    ours = by_ksgen(path)[0]
    printed = done.stdout.replace("\n", " ").split(" | SUCCESS => ")
    assert len(printed) == 4
    for before, after in zip(printed, printed[1:], strict=False):
        host = before.split()[-1]
        result, _ = json.JSONDecoder().raw_decode(after)
        # JSON has no tuples, and Ansible's has texts as keys.
        assert json.loads(json.dumps(ours[host, "node_table"])) == result["node_table"]


# --- random expressions ----------------------------------------------------------------------------------------------

_ATOMS = st.sampled_from(
    """n zero ratio text digits mac empty nothing yes_ no_ listed names whole nested users indirect twice nowhere broken
    1 0 -2 2.5 'a' 'x:y' '' true none [] [1,2] ['b','a'] {'k':1} inventory_hostname group_names omit""".split()  # noqa: SIM905
)
_BINARY = st.sampled_from(["+", "-", "*", "//", "%", "/", "~", "==", "!=", "<", ">=", "in", "not in", "and", "or"])
_FILTERS = st.sampled_from(
    """upper lower int float string length first last list sort unique reverse abs round min max sum default('d')
    default(1,true) d(omit) join(',') replace('a','b') map('string') map(attribute='name') select('defined') title trim
    capitalize batch(2) dictsort items int(base=16) format(1) center(5) selectattr('id') groupby('id') sum('id')
    sort(attribute='id') truncate(3) wordcount count reject('none') indent(1) map('upper') slice(2) to_json bool quote
    regex_replace('a','b') regex_search('[0-9]+') regex_findall('.') ternary(1,nowhere) flatten dict2items items2dict
    combine({'k':2}) hash('md5') b64encode from_yaml zip([1,2]) product('ab') basename splitext split mandatory
    human_to_bytes to_yaml from_json""".split()  # noqa: SIM905
)
_TESTS = st.sampled_from(
    """match('a') search('[0-9]') version('1','ge') contains('a') subset([1]) superset([1]) truthy
    defined undefined none string number mapping sequence iterable true false boolean integer float odd even lower
    upper sameas(1) eq(1) in([1,'a']) gt(1) divisibleby(2)""".split()  # noqa: SIM905
)
_SUFFIXES = st.sampled_from(
    """.upper() .split(':') .a .k .name [0] [-1] ['a'] [1:] [:2] .get('k') .keys() .items() .index(1) .startswith('a')
    .count('a') .zfill(4) .nothing.at.all [n] .real""".split()  # noqa: SIM905
)


def _bigger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, _BINARY, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, _FILTERS).map(lambda t: f"({t[0]} | {t[1]})"),
        st.tuples(inner, _TESTS).map(lambda t: f"({t[0]} is {t[1]})"),
        st.tuples(inner, _SUFFIXES).map(lambda t: f"({t[0]}){t[1]}"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        st.tuples(inner, inner).map(lambda t: f"[{t[0]}, {t[1]}]"),
        inner.map(lambda one: f"(not {one})"),
        inner.map(lambda one: f"{{'z': {one}}}"),
    )


_EXPRESSION = st.recursive(_ATOMS, _bigger, max_leaves=6)
_PIECE = st.one_of(
    _EXPRESSION.map(lambda one: f"{{{{ {one} }}}}"),
    st.sampled_from([" ", "a", "\n", "-", "{# c #}"]),
    st.tuples(_EXPRESSION, _EXPRESSION).map(lambda t: f"{{% if {t[0]} %}}{{{{ {t[1]} }}}}{{% endif %}}"),
    st.tuples(_EXPRESSION, _EXPRESSION).map(
        lambda t: f"{{% for i in {t[0]} %}}{{{{ {t[1]} }}}}{{{{ i }}}}{{% endfor %}}"
    ),
    st.tuples(_EXPRESSION, _EXPRESSION).map(lambda t: f"{{% set v = {t[0]} %}}{{{{ v }}}}{{{{ {t[1]} }}}}"),
)
_TEMPLATE = st.one_of(
    _EXPRESSION.map(lambda one: f"{{{{ {one} }}}}"), st.lists(_PIECE, min_size=1, max_size=4).map("".join)
)


@settings(max_examples=count(40, 200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_TEMPLATE, min_size=4, max_size=4))
def test_random_expressions_give_what_ansible_gives(tmp_path: Path, templates: list[str]) -> None:
    """The same value; and where Ansible has none, a problem."""
    path = tmp_path / "hosts.yaml"
    variables = {**SURROUNDINGS, **{f"node_{number}": template for number, template in enumerate(templates)}}
    path.write_text(yaml.safe_dump({"all": {"vars": variables, "hosts": {"node01.example.com": {}}}}))
    theirs, (ours, problems) = by_ansible(path), by_ksgen(path)
    for key, value in theirs.items():
        template = templates[int(key[1].removeprefix("node_"))]
        told = [problem.message for problem in problems if problem.variable == key[1]]
        assert typed(ours.get(key, FAILED)) == typed(value), (template, told)


# --- where expressions stand -----------------------------------------------------------------------------------------


def read(directory: Path, text: str) -> tuple[reader.Inventory, Expressions]:
    path = directory / "hosts.yaml"
    path.write_text(text)
    found, problems = reader.read([path])
    assert not problems
    return found, Expressions(found)


def told(directory: Path, text: str) -> str:
    """What is said of an inventory, as a person sees it."""
    found, expressions = read(directory, text)
    report = Report()
    for entry in found.hosts:
        report.extend(expressions.rendered(entry).problems)
    return "\n".join(to_text(report.problems, found.sources)).replace(f"{directory}/", "")


def test_a_range_of_hosts_computes_its_addresses(tmp_path: Path) -> None:
    text = """
all:
  vars:
    number: "{{ inventory_hostname_short[-2:] | int }}"
    node_mac: "52:54:00:0a:{{ '%02x' % number }}:01"
    node_network: [{name: eno1, ipv4: "10.1.100.{{ 10 + number }}/24"}]
  hosts:
    node[01:16].example.com:
"""
    path = tmp_path / "hosts.yaml"
    path.write_text(text)
    values, problems = by_ksgen(path)
    assert not problems
    for number in range(1, 17):
        host = f"node{number:02}.example.com"
        assert values[host, "node_mac"] == f"52:54:00:0a:{number:02x}:01"
        assert values[host, "node_network"] == [{"name": "eno1", "ipv4": f"10.1.100.{10 + number}/24"}]
    assert values == by_ansible(path)


def test_groups_are_in_the_order_of_ansible(tmp_path: Path) -> None:
    """So that an index in a group gives a host the same address there and here."""
    path = tmp_path / "hosts.yaml"
    path.write_text(
        """
all:
  vars: {node_groups: "{{ groups }}"}
  hosts: {h5: , h1: }
  children:
    z: {hosts: {h4: , h2: }, children: {y: {hosts: {h9: , h4: }}}}
    b: {hosts: {h2: , h3: , h0: }}
    empty:
"""
    )
    theirs, (ours, problems) = by_ansible(path), by_ksgen(path)
    assert not problems
    for key, groups in theirs.items():
        assert list(ours[key].items()) == list(groups.items())  # type: ignore[attr-defined]


def test_only_what_a_node_variable_needs_is_rendered(tmp_path: Path) -> None:
    text = """
all:
  vars:
    broken: "{{ nowhere }}"
    looked_up: "{{ lookup('env', 'HOME') | regex_replace('a', 'b') }}"
    node_lost: "{{ nowhere }}"
    mapping: {good: 1, bad: "{{ lookup('x') }}"}
    node_vg: "vg{{ mapping.good }}"
  hosts:
    n01: {node_lost: found}
"""
    path = tmp_path / "hosts.yaml"
    path.write_text(text)
    assert by_ksgen(path) == ({("n01", "node_lost"): "found", ("n01", "node_vg"): "vg1"}, [])


def test_braces_that_mean_themselves(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(
        "all: {hosts: {n01: {node_a: !unsafe '{{ x }}', other: !unsafe '{{ y }}', node_b: '<{{ other }}>'}}}"
    )
    assert by_ksgen(path)[0] == {("n01", "node_a"): "{{ x }}", ("n01", "node_b"): "<{{ y }}>"}
    assert by_ansible(path) == by_ksgen(path)[0]


def test_what_is_omitted_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(
        "all: {hosts: {n01: {node_a: '{{ mtu | default(omit) }}', node_b: {mtu: '{{ omit }}', name: eno1}}}}"
    )
    assert by_ksgen(path) == ({("n01", "node_b"): {"name": "eno1"}}, [])


def test_a_value_points_to_its_expression(tmp_path: Path) -> None:
    """Later findings lead to the line of the expression, also for the parts of what it gives.

    Of a name alone, to the line where that is written.
    """
    found, expressions = read(
        tmp_path,
        """all:
  vars:
    cards: [{name: eno1}]
    node_network: "{{ cards }}"
    node_disk:
      wwn: x{{ 1 }}
      serial: s
  hosts: {n01: }
""",
    )
    entry = expressions.rendered(found.hosts[0]).entry
    cards, disk = entry.variables["node_network"].node, entry.variables["node_disk"].node
    assert isinstance(cards.value, tuple)
    assert isinstance(cards.value[0].value, dict)
    assert {(n.mark.line, n.mark.column) for n in (cards, cards.value[0], cards.value[0].value["name"])} == {(3, 12)}
    assert cards.key_mark is not None
    assert (cards.key_mark.line, cards.key_mark.column) == (4, 5)
    assert isinstance(disk.value, dict)
    assert [(c.mark.line, c.mark.column) for c in disk.value.values()] == [(6, 12), (7, 15)]
    assert plain(disk) == {"wwn": "x1", "serial": "s"}


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trap", parameters("expression-traps.txt"))
def test_what_is_refused_and_in_which_words(trap: Entry, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    host = textwrap.indent("index: 3\n" + trap.given, " " * 6)
    trap.agrees(told(tmp_path, "all:\n  hosts:\n    n01:\n" + host), request)


def test_a_problem_of_a_group_is_told_once(tmp_path: Path) -> None:
    text = "all:\n  vars: {node_x: '{{ nowhere }}', node_y: '{{ nowhere }}'}\n  hosts:\n    n[1:4]:\n"
    assert told(tmp_path, text) == (
        "hosts.yaml:2:22: error: node_x: 'nowhere' is not set for the host or its groups "
        "(used by n1, n2 and 2 more)\n"
        "    2 |   vars: {node_x: '{{ nowhere }}', node_y: '{{ nowhere }}'}\n"
        "      |                      ^^^^^^^\n"
        "  hint: set it for the host or a group, or write nowhere | default(…)\n"
        "hosts.yaml:2:47: error: node_y: 'nowhere' is not set for the host or its groups "
        "(used by n1, n2 and 2 more)\n"
        "    2 |   vars: {node_x: '{{ nowhere }}', node_y: '{{ nowhere }}'}\n"
        "      |                                               ^^^^^^^\n"
        "  hint: set it for the host or a group, or write nowhere | default(…)"
    )


def test_a_long_chain_of_variables_is_refused(tmp_path: Path) -> None:
    variables = {f"v{n}": f"{{{{ v{n + 1} }}}}" for n in range(2000)}
    found = told(tmp_path, json.dumps({"all": {"hosts": {"n01": {**variables, "node_x": "{{ v0 }}"}}}}))
    assert "more than 50 variables in a chain of dependencies" in found


# --- what expressions cannot do --------------------------------------------------------------------------------------

UNSAFE, TOO_LONG, NOT_READ = "expression-unsafe", "expression-too-long", "statement-not-read"
NO_VALUE, LEFT_OUT, LOOK_UP = "expression-no-value", "filter-not-read", "look-up-not-read"
ATTACKS = {
    "{{ range(10**9) | list }}": TOO_LONG,
    "{{ range(10**30) | list }}": TOO_LONG,
    "{{ 'a' * 10**9 }}": TOO_LONG,
    "{{ [0] * 10**9 }}": TOO_LONG,
    "{{ 10 ** (10 ** 8) }}": TOO_LONG,
    "{{ '%1000000000d' % 1 }}": TOO_LONG,
    "{{ '%*d' % (1000000000, 1) }}": TOO_LONG,
    "{{ '{:1000000000}'.format(1) }}": TOO_LONG,
    "{{ '{:{}}'.format(1, 1000000000) }}": TOO_LONG,
    "{{ '%9999999d' | format(1) }}": TOO_LONG,
    "{{ 'a'.ljust(10**9) }}": TOO_LONG,
    "{{ 'a' | center(10**9) }}": TOO_LONG,
    "{{ 'a' | indent(10**9) }}": TOO_LONG,
    "{{ '\t'.expandtabs(10**9) }}": TOO_LONG,
    "{{ ('a' * 90000) | replace('a', 'b' * 90000) }}": TOO_LONG,
    "{{ ('b' * 90000).join(['x'] * 40000) }}": TOO_LONG,
    "{{ (['x'] * 40000) | join('b' * 90000) }}": TOO_LONG,
    "{{ [1] | batch(10**9, 'x') }}": TOO_LONG,
    "{{ [1] | slice(10**9) }}": TOO_LONG,
    "{{ 1.5 | round(10**9, 'ceil') }}": TOO_LONG,
    "{{ {'a': [1]} | tojson(indent=10**9) }}": TOO_LONG,
    "{{ '%s%s%s%s' | format(*(['x' * 90000] * 4)) }}": TOO_LONG,
    "{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}": TOO_LONG,
    "{% set s = namespace(x='a') %}{% for i in range(99) %}{% set s.x = s.x ~ s.x %}{% endfor %}{{ s.x }}": TOO_LONG,
    "{% set s = namespace(x=[1]) %}{% for i in range(99) %}{% set s.x = [s.x, s.x] %}{% endfor %}{{ s.x }}": TOO_LONG,
    "{% set s = namespace(x=[1]) %}{% for i in range(9999) %}{% set s.x = [s.x] %}{% endfor %}{{ s.x }}": TOO_LONG,
    "{% set s = namespace(x=2) %}{% for i in range(99) %}{% set s.x = s.x * s.x %}{% endfor %}{{ s.x }}": TOO_LONG,
    "{% for i in range(40000) %}{% if 'zz' in 'b' * 90000 %}{% endif %}{% endfor %}": TOO_LONG,
    "{% for i in range(40000) %}{{ (groups.all * 3000)[1:][0] }}{% endfor %}": TOO_LONG,
    "{{ range(90000) | map('string') | map('upper') | map('lower') | list }}": TOO_LONG,
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}": TOO_LONG,
    "{{ " + "1+" * 3000 + "1 }}": TOO_LONG,
    "{{ x }}" * 9000: TOO_LONG,
    "{% if 1 %}" * 2000 + "{% endif %}" * 2000: TOO_LONG,
    "{{ " + "[" * 300 + "]" * 300 + " }}": TOO_LONG,
    "{% set s = namespace() %}{% set s.a = s %}{{ s ~ '' }}": NO_VALUE,
    "{% set s = namespace() %}{% set s.a = namespace(b=s) %}{{ s | string }}": NO_VALUE,
    "{{ ''.__class__.__mro__ }}": UNSAFE,
    "{{ ''['__class__'] }}": UNSAFE,
    "{{ '{0.__class__}'.format(1) }}": UNSAFE,
    "{{ '{a.__class__}'.format_map({'a': 1}) }}": UNSAFE,
    "{{ cycler.__init__.__globals__ }}": UNSAFE,
    "{{ namespace.__init__ }}": UNSAFE,
    "{{ range.__class__ }}": UNSAFE,
    "{{ [''] | map(attribute='__class__') | list }}": UNSAFE,
    "{{ [1, 2] | sort(attribute='__class__') }}": UNSAFE,
    "{{ [1] | selectattr('__class__') | list }}": UNSAFE,
    "{{ groups.all.clear() }}": UNSAFE,
    "{{ {'a': 1}.update({}) }}": UNSAFE,
    "{{ 'x'.encode('idna') }}": UNSAFE,
    "{{ '' | attr('__class__') }}": LEFT_OUT,
    "{{ ('<' * 90000) | urlize }}": LEFT_OUT,
    "{{ self.__init__ }}": "undefined-name",
    "{{ lookup('pipe', 'id') }}": LOOK_UP,
    "{{ lipsum(n=10**7) }}": LOOK_UP,
    "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}": NOT_READ,
    "{% include '/etc/passwd' %}": NOT_READ,
    "{% import 'os' as os %}": NOT_READ,
    "{% for i in range(9) recursive %}{{ loop([1]) }}{% endfor %}": NOT_READ,
}


@pytest.mark.parametrize("template", ATTACKS, ids=lambda template: template[:60])
def test_an_attack_ends_soon_with_a_problem(template: str, tmp_path: Path) -> None:
    found, expressions = read(tmp_path, json.dumps({"all": {"hosts": {"n01": {"node_x": template}}}}))
    begin = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = expressions.rendered(found.hosts[0])
    del expressions
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - begin < 1
    assert [problem.code for problem in done.problems] == [ATTACKS[template]]
    assert done.failed == {"node_x"}


@pytest.mark.parametrize(
    "opened",
    [pytest.param(120, id="beyond-our-limit"), pytest.param(4000, id="beyond-the-limits-of-jinja-and-python")],
)
def test_one_message_for_too_many_brackets(opened: int, tmp_path: Path) -> None:
    found, expressions = read(
        tmp_path, f"all: {{hosts: {{n01: {{node_x: '{{{{ {'[' * opened}{']' * opened} }}}}'}}}}}}\n"
    )
    (problem,) = expressions.rendered(found.hosts[0]).problems
    assert (problem.message, problem.hint) == (
        "brackets or operators are nested too deeply",
        "simplify it",
    )


# --- the words -------------------------------------------------------------------------------------------------------


def test_the_filters_of_ansible_are_known() -> None:
    """A new one has to be listed, so that it is told apart from a misspelt one."""
    filters = {found._load_name.removeprefix("ansible.builtin.") for found in filter_loader.all()} - FILTERS.keys()
    tests = {found._load_name.removeprefix("ansible.builtin.") for found in test_loader.all()} - TESTS.keys()
    assert filters == vocabulary.ANSIBLE_FILTERS
    assert tests == vocabulary.ANSIBLE_TESTS


def test_every_word_is_read_or_left_out_in_the_document() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "expressions.md").read_text()
    known = Language()
    names = {*known.filters, *known.tests, *vocabulary.LEFT_OUT, *(m for ms in vocabulary.METHODS.values() for m in ms)}
    assert not {name for name in names if name.isidentifier() and f"`{name}`" not in text}
    assert known.filters.keys() | vocabulary.LEFT_OUT.keys() >= FILTERS.keys()
    assert known.tests.keys() | vocabulary.LEFT_OUT.keys() >= TESTS.keys()
