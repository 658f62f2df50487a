"""Style and script of the page; both inline, nothing is loaded from elsewhere."""

from gensweep.report.trials import OUTCOMES

# Okabe and Ito's palette: told apart under the common colour-vision deficiencies.
STYLE = """
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#667;--line:#d5d9e0;--soft:#f3f5f8;
--converged:#009e73;--unconverged:#e69f00;--collapsed:#0072b2;--diverged:#d55e00;--pruned:#cc79a7;--other:#999}
@media(prefers-color-scheme:dark){:root{--bg:#14171c;--fg:#e6e9ee;--dim:#9aa4b2;--line:#333a45;
--soft:#1d222a;--collapsed:#56b4e9}}
body{background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif;margin:0 auto;
max-width:1000px;padding:16px}h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:2rem}
h3{font-size:1rem;margin-bottom:0}.answer{font-size:1.15rem;background:var(--soft);padding:12px;
border-left:4px solid var(--converged)}.fig,.scroll{overflow-x:auto}svg{width:100%;height:auto}
svg text{fill:var(--fg);font-size:11px}.axis{stroke:var(--dim);fill:none}.line{fill:none;
stroke-width:2}.thin{stroke-width:1;opacity:.6}.accent{stroke:var(--collapsed)}.band{opacity:.2;
fill:var(--collapsed)}.dot{fill:var(--collapsed)}table{border-collapse:collapse;font-size:.85rem}
td,th{border-bottom:1px solid var(--line);padding:4px 8px;text-align:left;white-space:nowrap}
th button{all:unset;cursor:pointer;font-weight:600}th button:focus-visible{outline:2px solid}
.legend span{margin-right:12px;white-space:nowrap}.legend i{display:inline-block;width:12px;
height:12px;margin-right:4px}figure{display:inline-block;margin:0 12px 12px 0;max-width:100%}
figure img{max-width:100%;image-rendering:pixelated;min-width:200px}figcaption{color:var(--dim);
font-size:.8rem;overflow-wrap:anywhere}.note{color:var(--dim);font-size:.85rem;
margin-top:0}pre{background:var(--soft);padding:10px;overflow-x:auto}
""" + "".join(
    f"rect.{o},i.{o}{{fill:var(--{o});background:var(--{o})}}.line.{o}{{stroke:var(--{o})}}"
    for o in OUTCOMES
)

SCRIPT = """
document.querySelectorAll('th button').forEach(b=>b.addEventListener('click',()=>{
const h=b.closest('th'),i=h.cellIndex,body=h.closest('table').tBodies[0];
const up=h.getAttribute('aria-sort')!=='ascending';
h.parentNode.querySelectorAll('th').forEach(o=>o.removeAttribute('aria-sort'));
h.setAttribute('aria-sort',up?'ascending':'descending');
const key=r=>{const t=r.cells[i].textContent;return t!==''&&!isNaN(t)?+t:t};
[...body.rows].sort((r,s)=>{const a=key(r),c=key(s);
if(a===''||c==='')return (a==='')-(c==='');
const d=typeof a==='number'&&typeof c==='number'?a-c:String(a).localeCompare(String(c));
return up?d:-d}).forEach(r=>body.append(r))}));
"""
