// The style of the HTML report: system fonts, light and dark, narrow windows, paper.
#pragma once

#include <string_view>

namespace tarpon::migration {

inline constexpr std::string_view report_style = R"css(
:root {
  color-scheme: light dark;
  --paper: #f6f7f9; --card: #fff; --ink: #1b2430; --quiet: #55606f; --line: #d5dbe3; --soft: #e8f0fa;
  --accent: #0b62c4; --pushed: #1a7a3c; --unchanged: #3a6ea5; --skipped: #687382; --planned: #7a5cc0; --failed: #b3261e;
  --failed-soft: #fdeceb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161c; --card: #1b212a; --ink: #e6eaf0; --quiet: #a3adba; --line: #37414e; --soft: #1d2b3f;
    --accent: #7db4ff; --pushed: #6fce8e; --unchanged: #86b6e8; --skipped: #97a2b0; --planned: #bba4f5; --failed: #ff9a90;
    --failed-soft: #39201f;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 78rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif;
}
header { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1rem; }
h1 { margin: 0; font-size: 1.6rem; overflow-wrap: anywhere; }
h2 { margin: 2rem 0 .75rem; font-size: 1.15rem; }
.verdict { padding: .1rem .75rem; border-radius: 1rem; border: 1px solid currentColor; font-weight: 600; white-space: nowrap; }
.verdict.good { color: var(--pushed); }
.verdict.bad { color: var(--failed); }
.meta { margin: .25rem 0 1.25rem; color: var(--quiet); }
.meta span + span::before { content: " · "; }
code, .mono { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: .85em; }
.panel { padding: 1rem 1.25rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem; }

.bar { display: block; width: 100%; height: .9rem; border-radius: .45rem; overflow: hidden; background: var(--line); }
.bar rect { stroke: var(--card); stroke-width: 2; vector-effect: non-scaling-stroke; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; margin: .6rem 0 0; padding: 0; list-style: none; }
.legend li::before { content: ""; display: inline-block; width: .7rem; height: .7rem; margin-right: .45rem; border-radius: .2rem; background: currentColor; }
.legend b, .legend span { color: var(--ink); }
.pushed { color: var(--pushed); fill: var(--pushed); }
.unchanged { color: var(--unchanged); fill: var(--unchanged); }
.skipped { color: var(--skipped); fill: var(--skipped); }
.planned { color: var(--planned); fill: var(--planned); }
.failed { color: var(--failed); fill: var(--failed); }

.numbers { display: grid; grid-template-columns: repeat(6, 1fr); gap: .75rem; margin: .75rem 0 0; }
.numbers div { padding: .75rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem; }
.numbers dt { color: var(--quiet); font-size: .85rem; }
.numbers dd { margin: 0; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.numbers dd small { display: block; font-size: .8rem; font-weight: 400; color: var(--quiet); }

.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: .75rem; }
figure { margin: 0; }
figcaption { margin-bottom: .5rem; font-weight: 600; }
figcaption span { font-weight: 400; color: var(--quiet); font-size: .85rem; margin-left: .5rem; }
.plot { display: grid; grid-template-columns: auto 1fr; gap: 0 .5rem; font-size: .75rem; color: var(--quiet); font-variant-numeric: tabular-nums; }
.plot svg { display: block; width: 100%; height: 10rem; }
.plot .y { display: flex; flex-direction: column; justify-content: space-between; text-align: right; margin: -.55rem 0; }
.plot .x { grid-column: 2; display: flex; justify-content: space-between; margin-top: .2rem; }
.plot .grid { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke; }
.plot .curve { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.plot .area { fill: var(--accent); fill-opacity: .14; }

.filter { position: absolute; opacity: 0; }
.filters { display: flex; flex-wrap: wrap; gap: .4rem; margin: 0 0 .75rem; }
.filters label { padding: .15rem .75rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--card); cursor: pointer; }
.filters label:hover { border-color: var(--accent); }
.table { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; overflow: clip; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th { position: sticky; top: 0; z-index: 1; padding: .6rem .75rem; text-align: left; font-size: .8rem; color: var(--quiet); background: var(--card); box-shadow: 0 1px var(--line); }
td { padding: .5rem .75rem; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
td:first-child, th:first-child { width: 7.5rem; white-space: nowrap; }
th:nth-child(2) { width: 32%; }
td .state { font-weight: 600; }
td code { color: var(--quiet); }
tr.is-failed { background: var(--failed-soft); }
.whole { color: var(--quiet); }
.why { margin: .25rem 0 0; font-size: .95em; white-space: pre-line; }
.none { padding: 1rem 1.25rem; color: var(--quiet); margin: 0; }
footer { margin-top: 1.5rem; color: var(--quiet); font-size: .85rem; }

@media (max-width: 66rem) { .numbers { grid-template-columns: repeat(3, 1fr); } }
@media (max-width: 44rem) {
  h1 { font-size: 1.3rem; }
  .numbers { grid-template-columns: repeat(2, 1fr); }
  .numbers dd { font-size: 1.1rem; }
  table, tbody, tr, td { display: block; }
  thead { display: none; }
  tr { padding: .6rem .75rem; border-top: 1px solid var(--line); }
  tr:first-child { border-top: 0; }
  td, td:first-child { border: 0; padding: .1rem 0; width: auto; }
  td[data-label]::before { content: attr(data-label) ": "; color: var(--quiet); }
}
@media print {
  :root {
    color-scheme: light; --paper: #fff; --card: #fff; --ink: #000; --quiet: #444; --line: #bbb; --soft: #fff; --failed-soft: #fff;
    --accent: #0b62c4; --pushed: #1a7a3c; --unchanged: #4a7fb5; --skipped: #777; --planned: #5b3fa0; --failed: #b3261e;
  }
  body { max-width: none; padding: 0; font-size: 9pt; }
  .filters, .filter { display: none; }
  .numbers { grid-template-columns: repeat(3, 1fr); }
  .table { border: 0; overflow: visible; }
  th { position: static; }
  thead { display: table-header-group; }
  tr, .panel, .numbers div { break-inside: avoid; }
  svg, .legend li::before { print-color-adjust: exact; }
}
)css";

} // namespace tarpon::migration
