"""Harms to the k rule, and to the outsider who attacks what it lets through."""

from typing import Final

from tests.sabotage.harm import Harm

_SMALL: Final = "tests/day/test_small_groups.py::"
_GROUPS: Final = "collector/day/small_groups.py"
_MEASURES: Final = "collector/day/measures.py"
_NEEDED: Final = "tests/audit/test_attacks.py::test_each_step_of_the_rule_is_needed"
_ACROSS: Final = f"{_NEEDED}[Chrome on a page minus ChromeOS on it]"
_BETWEEN: Final = f"{_NEEDED}[events of a channel minus those of a source]"
_BOUNCES: Final = f"{_NEEDED}[entries of a page minus its bounces]"
_SHARED: Final = f"{_NEEDED}[visitors whom two sources of a channel share]"
_UNSPARED: Final = f"{_NEEDED}[visitors whom two sources share that can spare nobody]"
_STATED: Final = f"{_NEEDED}[an event minus all that is stated of it]"
_ALL: Final = "tests/audit/test_attacks.py::test_small_groups_are_all_that_there_are"
_ATTACKS: Final = "collector/audit/attacks.py"

DAY: Final = (
    Harm("R21", "keep days of fewer than k", _GROUPS,
         "if people.count < k:", "if people.count < 1:", _SMALL + "test_part_below_k"),
    Harm("R21", "show values of fewer than k", "collector/day/values.py",
         "names = {v: v if count >= k and", "names = {v: v if count >= k - 1 and",
         _SMALL + "test_one_small_page_hides_all"),
    Harm("R22", "leave a small remainder", "collector/day/values.py",
         "while 0 < _held(lines, names, OTHER) < k:", "while 0 < _held(lines, names, OTHER) < 1:",
         _SMALL + "test_one_small_page_hides_all"),
    Harm("R22", "do not fold nested lists jointly", _GROUPS,
         "names = nested.fold_nested(", "nested.fold_nested(",
         "tests/day/test_nets.py::test_nested_values_fold_together"),
    Harm("R22", "let half of k pass a cut", "collector/day/nets.py",
         "while sent < units:", "while sent < units // 2:",
         "tests/day/test_nets.py::test_cut_test_misses_no_small_group"),
    Harm("R22", "show a line that holds all but a few", "collector/day/once.py",
         "return [people.count if 0 < people.count - count < k else count for count in counts.tolist()]",
         "return counts.tolist()",
         _SMALL + "test_nobody_is_nearly_all"),
    Harm("R26", "show what one visitor made", _MEASURES,
         "| (2 * amounts.max(axis=0, initial=0) > amounts.sum(axis=0))", "| (amounts.sum(axis=0) < 0)",
         _SMALL + "test_every_figure_has_k_makers"),
    Harm("R26", "show averages of fewer than 2k", _MEASURES,
         "shows_double = visitors is not None and visitors >= 2 * k", "shows_double = True",
         _SMALL + "test_averages_stand_where_2k_visitors_show"),
    Harm("R26", "let one visit last all day", "collector/policy.py",
         "VISIT_SECONDS_MAX: Final = 1_800", "VISIT_SECONDS_MAX: Final = 86_400",
         "tests/day/test_breakdowns.py::test_a_visit_adds_no_more_than_1800_seconds"),
    Harm("R22", "commit the last full hour", "collector/day/hours.py",
         "for first, last in _full(over, k=k)[:-1]]", "for first, last in _full(over, k=k)]",
         "tests/day/test_hours.py::test_last_block_waits_for_the_next"),
    Harm("R24", "show hours of fewer than k", "collector/day/hours.py",
         "return int((views > 0).sum()) >= k and", "return int((views > 0).sum()) >= 1 and",
         "tests/day/test_hours.py::test_polling_the_hours_shows_no_small_group"),
    Harm("R26", "let one busy visitor fill an hour", "collector/day/hours.py",
         "2 * int(views.max() or 0) <= int(views.sum())", "0 <= int(views.sum())",
         "tests/day/test_hours.py::test_block_needs_more_than_one_busy_visitor"),
    Harm("R37", "show the running day exactly", _GROUPS,
         "floored = visitors // k * k", "floored = visitors if visitors >= k else 0",
         _SMALL + "test_running_day_is_floored"),
    Harm("R22", "show who is here now from k", _GROUPS,
         "if visitors >= 2 * k else None", "if visitors >= k else None", _SMALL + "test_now_starts_at_twice_k"),
    Harm("R22", "leave cells that two pairs of a line give away", _GROUPS,
         "fold_across(grids, k=k)",
         "return [one for p, g in grids.items() for one in pair_cells(g, p, (labels[p[0]], labels[p[1]]), k=k)]",
         _ACROSS),
    Harm("R22", "leave events that two breakdowns give away", "collector/day/between.py",
         "figures[dimension][name][measure] = None", "figures[dimension][name][measure] and None", _BETWEEN),
    Harm("R22", "leave bounces that entries give away", "collector/day/between.py",
         'figures[dimension][name]["bounces"] = None', 'figures[dimension][name]["bounces"] and None', _BOUNCES),
    Harm("R22", "leave visitors whom two sources share", "collector/day/once.py",
         "figures[inner.names[smallest]][Measure.VISITORS] = None", "figures[inner.names[smallest]][Measure.VISITORS]",
         _UNSPARED),
    Harm("R22", "leave an event minus all that is stated of it", "collector/day/properties.py",
         "names[order.pop(0)] = OTHER", "order.pop(0)", _STATED),
    Harm("R22", "forget what the running day showed of a value that is folded", "collector/day/values.py",
         "return 0 < _held(lines, names, name) - max(seen) < k or 0 < pageviews - sum(seen) < k", "return False",
         "tests/audit/test_attacks.py::test_a_page_seen_earlier_leaves_no_few"),
    # The outsider, each way of deriving switched off.
    Harm("R22", "do not subtract lines", _ATTACKS,
         "yield from _lines(day)", "yield from ()", "tests/audit/test_attacks.py::test_hidden_line_is_derived"),
    Harm("R22", "do not compare entries with their page", _ATTACKS, "yield from _inside(day)", "yield from ()",
         _BOUNCES),
    Harm("R22", "do not compare sources with their channel", _ATTACKS, "yield from _shared(day)", "yield from ()",
         _SHARED),
    Harm("R22", "do not compare properties with their event", _ATTACKS,
         "yield from _properties(day)", "yield from ()", _STATED),
    Harm("R22", "do not subtract cells of pairs", _ATTACKS,
         "yield from _pairs(day)", "yield from ()", "tests/audit/test_attacks.py::test_visible_cells_are_subtracted"),
    Harm("R22", "do not bound what is folded", _ATTACKS,
         "yield from _tables(day)", "yield from ()",
         "tests/audit/test_attacks.py::test_hidden_cell_between_lines_is_derived"),
    Harm("R22", "do not read the figures themselves", _ATTACKS,
         "yield from _figures(cells)", "yield from ()", "tests/audit/test_attacks.py::test_a_small_figure_is_read"),
    Harm("R22", "try no set of cells", "collector/audit/tables.py",
         "for chosen in _sets(unknown, label, doubtful)[:SETS_MAX]:",
         "for chosen in _sets(unknown, label, doubtful)[:0]:", _ALL),
    Harm("R22", "take cells for safe between which one may move", "collector/audit/tables.py",
         "reach = ((room >= k) |", "reach = ((room >= 1) |", _ALL),
    Harm("R22", "look for groups of fewer than half of k only", _ATTACKS,
         "for leak in found if leak.size < k}", "for leak in found if leak.size < k // 2}", _SHARED),
    Harm("R22", "forget what the running day showed", "collector/audit/snapshots.py",
         "yield from _against(snapshot, lines, k=k)", "yield from ()",
         "tests/audit/test_attacks.py::test_a_running_day_that_gives_somebody_away_is_found"),
)  # fmt: skip
