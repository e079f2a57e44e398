"""How a report looks: quiet, on any width, in light and in dark, and on paper. Contrasts are 4.5 or more (a test)."""

from __future__ import annotations

LIGHT = {
    "page": "#f4f6f8", "card": "#ffffff", "ink": "#1b2129", "faint": "#525d6b", "line": "#d5dbe2", "link": "#0a559c",
    "error": "#b01e17", "warning": "#855000", "info": "#1a5c92", "good": "#1c6b3a",
    "error-pale": "#fdf0ee", "warning-pale": "#fdf5e4", "info-pale": "#edf5fb", "good-pale": "#edf7f0",
    "gap": "#d55e00", "gap-pale": "#fbe3d1", "overlap": "#0072b2", "duplicate": "#a8477f",
    "bar": "#35688f", "folded": "#d55e00", "folded-pale": "#fbe3d1",
}  # fmt: skip
DARK = {
    "page": "#12161b", "card": "#1b2128", "ink": "#e7ebf0", "faint": "#a6b1be", "line": "#36404b", "link": "#8cc4f8",
    "error": "#ff9389", "warning": "#f3bd62", "info": "#8cc4f8", "good": "#7ed2a0",
    "error-pale": "#33211f", "warning-pale": "#2f281a", "info-pale": "#1b2936", "good-pale": "#1b2b21",
    "gap": "#f58a3c", "gap-pale": "#4a2d16", "overlap": "#56b4e9", "duplicate": "#e29bc6",
    "bar": "#7fb2da", "folded": "#f58a3c", "folded-pale": "#4a2d16",
}  # fmt: skip


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())


_RULES = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:auto}
body{margin:0;background:var(--page);color:var(--ink);overflow-wrap:anywhere;
 font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"Liberation Sans",sans-serif}
header,main,footer{max-width:62rem;margin:0 auto;padding:0 1rem}
h1,h2,h3,h4,h5,p,ul,dl,figure{margin:0}
ul{padding:0;list-style:none}
h1{font-size:1.75rem;line-height:1.2;font-weight:650}
h1 .subject{display:block;font-size:1.1rem;font-weight:400;color:var(--faint);margin-top:.2rem}
h2{font-size:1.3rem;line-height:1.3;font-weight:650;margin:2.2rem 0 .7rem}
h3{font-size:1.08rem;line-height:1.35;font-weight:650}
h4{font-size:1rem;font-weight:650;margin:1.2rem 0 .2rem}
h5{font-size:1rem;font-weight:650;margin:1.1rem 0 .3rem}
a{color:var(--link)}
code{font:.86em ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:.5rem;background:var(--card);padding:.3rem .6rem}
.definitions{position:absolute}
.product{color:var(--faint);font-size:.9rem;padding-top:1.6rem}
.icon{width:1.05em;height:1.05em;flex:none;fill:currentColor;position:relative;top:.14em}
.icon.error{color:var(--error)}.icon.warning{color:var(--warning)}
.icon.info{color:var(--info)}.icon.good{color:var(--good)}.icon.open{color:var(--faint)}
.ring{fill:none;stroke:currentColor;stroke-width:1.8;stroke-linecap:round}
.sign{fill:none;stroke:var(--card);stroke-width:1.8;stroke-linecap:round}
.verdict{display:flex;gap:.8rem;margin:1.1rem 0 .9rem;padding:.9rem 1.1rem;border-radius:6px;border-left:5px solid}
.verdict .icon{width:1.7rem;height:1.7rem;top:.05rem}
.verdict .words{font-size:1.2rem;font-weight:650;line-height:1.35}
.verdict p+p{color:var(--ink)}
.error.verdict,.audit.error{background:var(--error-pale);border-color:var(--error)}
.warning.verdict,.audit.warning{background:var(--warning-pale);border-color:var(--warning)}
.info.verdict,.audit.info{background:var(--info-pale);border-color:var(--info)}
.good.verdict,.audit.good{background:var(--good-pale);border-color:var(--good)}
.open.verdict{background:var(--card);border-color:var(--faint)}
.counts{display:flex;flex-wrap:wrap;gap:.5rem}
.counts li{flex:1 1 6.5rem;overflow-wrap:normal;
 background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.5rem .8rem}
.counts strong{display:block;font-size:1.45rem;line-height:1.2;font-weight:650;font-variant-numeric:tabular-nums}
.counts span{color:var(--faint);font-size:.9rem}
.counts .error strong{color:var(--error)}.counts .warning strong{color:var(--warning)}
.counts .info strong{color:var(--info)}
.files,.note,.none,.cut,figcaption,.times{color:var(--faint);font-size:.92rem}
.files{margin-top:.6rem}
.inspected li{display:flex;gap:.5rem;padding:.15rem 0}
article,.none,section>.scroll,section>.facts,.inspected{background:var(--card);border:1px solid var(--line);
 border-radius:6px;padding:.9rem 1.1rem;margin-bottom:.9rem}
.finding{border-left-width:5px}
.finding.error{border-left-color:var(--error)}.finding.warning{border-left-color:var(--warning)}
.finding.info{border-left-color:var(--info)}
.finding h3{display:flex;flex-wrap:wrap;gap:.15rem .5rem;align-items:baseline}
.finding .word{font-weight:650}
.finding.error .word{color:var(--error)}.finding.warning .word{color:var(--warning)}
.finding.info .word{color:var(--info)}
.finding h3 code{color:var(--faint);font-weight:400;margin-left:auto}
.found>li{padding:.55rem 0;border-bottom:1px solid var(--line)}
.found>li:last-child,.evidence tbody tr:last-child>*{border-bottom:0}
.printed{display:none}
.remedy,.meaning{margin-top:.5rem}
details p{font-size:.92rem;color:var(--faint)}
details{margin-top:.3rem}
summary{cursor:pointer;color:var(--link);font-size:.92rem;width:fit-content}
.facts{margin-top:.6rem;display:grid;gap:.15rem 2rem;grid-template-columns:repeat(2,minmax(0,1fr))}
.facts .wide{grid-column:1/-1}.coverage{margin:0 0 1rem}
.facts>div{display:grid;grid-template-columns:12.2rem minmax(0,1fr);gap:0 1rem}
dt{color:var(--faint)}dd{margin:0}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:.92rem;margin-top:.5rem;overflow-wrap:normal}
caption{text-align:left;color:var(--faint);padding-bottom:.3rem}
th,td{text-align:left;padding:.28rem .8rem .28rem 0;border-bottom:1px solid var(--line);vertical-align:top;
 font-variant-numeric:tabular-nums}
thead th{color:var(--faint);font-weight:500;vertical-align:bottom}
tbody th{font-weight:400;white-space:nowrap}
.numbers td,.numbers thead th+th{text-align:right;white-space:nowrap}
.numbers td:last-child{padding-right:0}
.remarks td:last-child{text-align:left;white-space:normal;min-width:8rem}
.remarks thead th:last-child{text-align:left}
.remarks td:last-child,.remarks thead th:last-child{padding-left:.8rem}
.evidence{font-size:.88rem}.evidence th,.evidence td{padding-top:.16rem;padding-bottom:.16rem}
.evidence tbody th[title]{cursor:help}
.evidence tbody td:nth-child(2){overflow-wrap:anywhere;min-width:9rem}
.unit{color:var(--faint);white-space:nowrap}
.item{border-top:1px solid var(--line);margin-top:1rem}
.audit{border-left:5px solid;border-radius:6px;padding:.1rem 1rem .8rem;margin-top:1rem}
.audit p{margin-top:.3rem}
.audit h5{display:flex;gap:.5rem}
.ctl{font:.86em ui-monospace,Consolas,"Liberation Mono",monospace;color:var(--warning);background:var(--warning-pale);
 border-radius:3px}
.patients{border:2px solid var(--error);border-radius:6px;padding:0 1.1rem .9rem;margin-top:1.5rem;
 background:var(--error-pale)}
.patients h2{margin-top:.8rem;color:var(--error)}
.patients .scroll{background:none;border:0;padding:0;margin:0}
figure{margin-top:1rem}
figure svg{display:block;overflow:visible}
svg text{font-size:12px;fill:var(--faint);font-family:inherit}
svg .label{fill:var(--ink)}
svg .axis,svg .slice{stroke:var(--faint);stroke-width:1;shape-rendering:crispEdges}
svg .slice{stroke:var(--ink)}
svg .grid{stroke:var(--line);stroke-width:1;shape-rendering:crispEdges}
svg .marked{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:4 3}
.gap{fill:var(--gap)}.gap-pale{fill:var(--gap-pale)}
.gap-area{stroke:var(--gap);stroke-width:1}
.overlap-area{fill:var(--overlap);opacity:.45}.duplicate-area{fill:var(--duplicate);opacity:.45}
.strip .sign{stroke:none;overflow:visible}
.sign.overlap,.sign.overlap path{fill:var(--overlap);stroke:none}
.sign.duplicate,.sign.duplicate path{fill:var(--duplicate);stroke:none}
.folded{fill:var(--folded)}.folded-pale{fill:var(--folded-pale)}
.bar{fill:var(--bar)}.bar-folded{stroke:var(--folded);stroke-width:.5}
.bar,.bar-folded{shape-rendering:crispEdges}
.strip svg{margin-top:.3rem}
.legend{display:flex;flex-wrap:wrap;gap:.1rem 1.4rem;font-size:.88rem;color:var(--faint)}
.legend li{display:flex;gap:.4rem;align-items:center}
.charts{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:0 2rem}
.chart{display:grid;grid-template-columns:3.8rem minmax(0,1fr);margin-top:.4rem}
.chart .scale{width:100%}
.picture img{display:block;width:100%;min-width:34rem;height:auto;background:#fff;border-radius:4px}
.checks,.signatures{width:100%}
.checks tbody th{white-space:normal}
.checks thead th:first-child{width:34%}.checks thead th:nth-child(2){width:31%}.checks thead th:last-child{width:11%}
.checks.of-structures thead th{width:22%}.checks td:nth-child(4){white-space:nowrap}
.by-hand{display:grid;grid-template-columns:3fr 4fr;gap:0 1.6rem}
.outcome{white-space:nowrap}
.outcome.good{color:var(--good)}.outcome.warning{color:var(--warning)}.outcome.error{color:var(--error)}
.outcome.open{color:var(--faint)}
.ticks li{padding:.12rem 0}
.box{display:inline-block;width:.85em;height:.85em;border:1.2px solid var(--ink);vertical-align:-.05em}
.remarks-box{border:1px solid var(--faint);border-radius:3px;min-height:4.2rem;padding:.2rem .5rem;color:var(--faint);
 font-size:.88rem}
.signatures td,.signatures tbody th{height:2.3rem;border-bottom:1px solid var(--faint);vertical-align:bottom}
.signatures td+td{border-left:.8rem solid transparent}
footer{color:var(--faint);font-size:.85rem;padding:1.5rem 1rem 2.5rem}
@media (max-width:46rem){
 .charts,.facts,.by-hand{grid-template-columns:minmax(0,1fr)}
 .facts>div{grid-template-columns:8.5rem minmax(0,1fr);padding:.1rem 0}
 .facts>.wide{grid-template-columns:1fr}
 article,.none,section>.scroll,section>.facts,.inspected{padding:.8rem .8rem}
 .finding h3 code{margin-left:0;width:100%}
 h1{font-size:1.5rem}
 .counts{gap:.35rem}.counts li{flex-basis:5.6rem;padding:.4rem .55rem}.counts span{font-size:.84rem}
}
"""

_PRINT = """
@page{margin:14mm 13mm}
body{font-size:10.5pt;background:#fff}
header,main,footer{max-width:none;padding:0}
article,.inspected,section>.scroll,section>.facts{border-color:#bbb}
.skip,summary{display:none}
.printed{display:inline}
details::details-content{content-visibility:visible;display:block;height:auto}
h2,h3,h4,h5,figcaption,caption{break-after:avoid}
figure,.verdict,.counts,tr,.found>li>p{break-inside:avoid}
.scroll{overflow:visible}
.picture img{min-width:0}
table,.evidence{font-size:8.5pt}
.numbers td,.numbers thead th+th,tbody th{white-space:normal}
.remarks td:last-child{min-width:0}
.charts{grid-template-columns:repeat(2,minmax(0,1fr))}
.facts{grid-template-columns:repeat(2,minmax(0,1fr))}
.facts>div{grid-template-columns:11rem minmax(0,1fr)}
@page signed{size:A4;margin:12mm 13mm}
.signed{page:signed}
.signed h2{margin:.65rem 0 .15rem;font-size:11pt}.signed h3,.signed h5{font-size:9pt;margin:0}
.signed{font-size:8.5pt;line-height:1.25}
.signed caption,.signed .note,.signed figcaption,.signed .subject,.signed table{font-size:8.5pt}
.signed caption{padding:0}.signed .verdict .words{font-size:11pt}.signed .facts{margin:0}
.signed .behind .scroll,.signed .behind h5,.signed .behind figure{break-inside:avoid;margin-top:.4rem}
.signed .product{padding:0;font-size:8pt}.signed h1{font-size:1.35rem}
.signed .verdict{margin:.5rem 0;padding:.4rem .8rem}
.signed section>.scroll,.signed section>.facts{border:0;padding:0;margin:0}
.signed td,.signed th{padding-top:.06rem;padding-bottom:.06rem}
.signed .facts>div{grid-template-columns:8rem minmax(0,1fr)}
.signed .signatures td,.signed .signatures tbody th{height:1.4rem}
.signed .remarks-box{min-height:2.6rem;font-size:8pt}.signed footer{padding:.4rem 0 0;font-size:8pt}
.signed .behind{break-before:page}
.signatures,.ticks{break-inside:avoid}
a{color:inherit;text-decoration:none}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
"""

STYLE = (
    f":root{{color-scheme:light dark;{_variables(LIGHT)}}}\n"
    f"@media screen and (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}\n"
    f"{_RULES}@media print{{{_PRINT}}}\n"
)
