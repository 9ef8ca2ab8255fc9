"""Kinds of pictures with labels: diagrams, slides, posters. Texts are in ``layouts_text.py``."""

# ruff: noqa: E501  HTML, CSS and JavaScript are easier to read on one line than cut into strings

from __future__ import annotations

import random

from benchmarks.sheet import Pen, Theme

__all__ = ["Drawn", "diagram", "photo", "slide"]

Drawn = tuple[str, str]
"""CSS and the content of the body."""

_FILLS = ("#ed7100", "#7aa116", "#8c4fff", "#e7157b", "#c925d1", "#01a88d", "#dd344c", "#4d72f3", "#232f3e", "#3b48cc")
_SHAPES = (
    '<rect x="9" y="12" width="30" height="8" rx="2"/><rect x="9" y="28" width="30" height="8" rx="2"/>',
    '<ellipse cx="24" cy="14" rx="14" ry="5"/><path d="M10 14v20c0 7 28 7 28 0V14" fill="none"/>',
    '<circle cx="24" cy="24" r="13" fill="none"/><path d="M11 24h26M24 11v26" fill="none"/>',
    '<path d="M12 38 L24 10 L36 38 M17 28 h14" fill="none"/>',
    '<path d="M14 10h14l8 8v20H14z" fill="none"/><path d="M19 24h12M19 30h12"/>',
    '<path d="M24 8l14 8v16l-14 8-14-8V16z" fill="none"/><path d="M10 16l14 8 14-8M24 24v16" fill="none"/>',
)


def _icon(rng: random.Random, side: float) -> str:
    fill, shape = rng.choice(_FILLS), rng.choice(_SHAPES)
    flat = rng.random() < 0.7
    box = f'<rect width="48" height="48" rx="{rng.choice((0, 4, 10))}" fill="{fill}"/>' if flat else ""
    stroke = "#fff" if flat else fill
    return (
        f'<svg class="icon" width="{side:.0f}" height="{side:.0f}" viewBox="0 0 48 48">{box}'
        f'<g stroke="{stroke}" stroke-width="2.4" fill="{stroke}" fill-opacity=".25">{shape}</g></svg>'
    )


WIRES = """
(() => { const rnd = (() => { let s = SEED; return () => (s = (s * 16807) % 2147483647) / 2147483647; })();
const nodes = [...document.querySelectorAll('.node')]; const svg = document.querySelector('svg.wires'); if (!svg) return;
svg.setAttribute('width', document.documentElement.scrollWidth); svg.setAttribute('height', document.documentElement.scrollHeight);
const names = [...document.querySelectorAll('.n')].map(n => n.getBoundingClientRect());
const others = [...document.querySelectorAll('.node, .tag')];
const crosses = (a, b, blocked) => { for (let t = 0; t <= 1; t += 0.02) { const x = a[0] + (b[0]-a[0])*t, y = a[1] + (b[1]-a[1])*t;
  if (blocked.some(r => x > r.left-3 && x < r.right+3 && y > r.top-1 && y < r.bottom+1)) return true; } return false; };
let out = ''; const tries = nodes.length * 3; let left = 2 + Math.floor(rnd() * nodes.length * 0.9);
for (let k = 0; k < tries && left > 0; k++) { const a = nodes[Math.floor(rnd()*nodes.length)], b = nodes[Math.floor(rnd()*nodes.length)];
 if (a === b) continue; const p = a.getBoundingClientRect(), q = b.getBoundingClientRect();
 let s, e; if (Math.abs(p.top - q.top) < 20) { const right = q.left > p.left;
   s = [right ? p.right+2 : p.left-2, (p.top+p.bottom)/2]; e = [right ? q.left-2 : q.right+2, (q.top+q.bottom)/2]; }
 else { const down = q.top > p.top; s = [(p.left+p.right)/2, down ? p.bottom+2 : p.top-2]; e = [(q.left+q.right)/2, down ? q.top-2 : q.bottom+2]; }
 if (Math.hypot(s[0]-e[0], s[1]-e[1]) > 420 || (crosses(s, e, names) && rnd() < 0.97)) continue;
 if (crosses(s, e, others.filter(o => o !== a && o !== b).map(o => o.getBoundingClientRect())) && rnd() < 0.8) continue; left--;
 out += `<path d="M${s[0]} ${s[1]} L${e[0]} ${e[1]}" marker-end="url(#head)" ${rnd() < 0.3 ? 'stroke-dasharray="5 4"' : ''}/>`; }
svg.innerHTML += out; })()
"""
"""Draws arrows between laid-out nodes, mostly around names, now and then through one."""


def _wires(colours: Theme) -> str:
    return (
        f'<svg class="wires" fill="none" stroke="{colours.line}" stroke-width="1.5"><defs><marker id="head" viewBox="0 0 8 8" '
        f'refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8z" fill="{colours.line}" '
        f'stroke="none"/></marker></defs></svg>'
    )


def diagram(pen: Pen, colours: Theme) -> Drawn:
    """Draw an architecture: nested areas, icons or boxes with labels, arrows between them."""
    rng, size = pen.rng, pen.body
    icons, columns = rng.random() < 0.65, rng.randint(3, 7)
    side = size * rng.uniform(2.4, 4.5)
    areas = []
    for _ in range(rng.randint(1, 4)):
        nodes = []
        for _ in range(rng.randint(columns, columns * 3)):
            label = pen.label(size, 0.25)
            if icons:
                under = rng.random() < 0.85
                inner = f'{_icon(rng, side)}{"<br>" if under else " "}<span class="l">{label}</span>'
                nodes.append(f'<div class="node i">{inner}</div>')
            else:
                fill = rng.random() < 0.5
                colour = rng.choice(_FILLS)
                style = (
                    f"background:{colour};color:#fff;"
                    if fill
                    else f"border:{rng.choice((1, 1.5, 2))}px solid {colours.line};"
                )
                pad = rng.choice((0.15, 0.5, 0.9))
                radius = rng.choice((0, 6, 16))
                nodes.append(
                    f'<div class="node" style="{style}padding:{pad}em {pad + 0.2}em;border-radius:{radius}px">{label}</div>'
                )
        turned = pen.left > 0 and rng.random() < 0.12
        title = pen.name(size * 1.05, glue=False, turned=True) if turned else pen.label(size * 1.1, 0.12, broken=False)
        tag = "turned" if turned else "tag"
        dash = rng.choice(("dashed", "solid", "dotted"))
        tint = colours.panel if rng.random() < 0.5 else "transparent"
        areas.append(
            f'<section style="border:1.5px {dash} {rng.choice(_FILLS)};background:{tint}"><div class="{tag}">{title}</div>'
            f'<div class="grid">{"".join(nodes)}</div></section>'
        )
    gap = size * rng.uniform(1.6, 3.4)
    grid_paper = rng.random() < 0.2 and not colours.dark
    css = f"""
main {{ position: relative; padding: {size:.1f}px; {"background:repeating-linear-gradient(0deg,#0001 0 1px,transparent 1px 20px),repeating-linear-gradient(90deg,#0001 0 1px,transparent 1px 20px);" if grid_paper else ""} }}
section {{ position: relative; margin: {size:.1f}px; padding: {size * 0.8:.1f}px; }}
.tag {{ color: {colours.accent if rng.random() < 0.5 else colours.ink}; margin-bottom: {size * 0.6:.1f}px; }}
.turned {{ position: absolute; left: {size * 0.35:.1f}px; bottom: {size:.1f}px; writing-mode: vertical-rl; transform: rotate(180deg); }}
section:has(.turned) {{ padding-left: {size * 2.6:.1f}px; min-height: {size * 15:.1f}px; }}
.grid {{ display: grid; grid-template-columns: repeat({columns}, auto); gap: {gap:.1f}px; justify-content: space-around; align-items: center; }}
.node {{ text-align: center; line-height: 1.2; }} .icon {{ vertical-align: middle; margin-bottom: {rng.choice((0, 1, 4))}px; }}"""
    return css, f"<main>{''.join(areas)}{_wires(colours)}</main>"


def slide(pen: Pen, colours: Theme) -> Drawn:
    """Draw a slide: a title, bullets, perhaps a column of boxes, plain or on a gradient."""
    rng, size = pen.rng, pen.body
    title_size = size * rng.uniform(1.4, 2.2)
    if pen.left > 0 and rng.random() < 0.6:
        title = rng.choice(("Setting up {}", "{}", "Why {}?", "{} at scale", "Caching with {}")).format(
            pen.name(title_size, spaced=rng.random() < 0.1)
        )
    else:
        title = rng.choice(
            ("Flow of execution", "Elastic Beanstalk in practice", "Caching strategies", "What is a cache?")
        )
    bullets = "".join(f"<li>{sentence(pen, size)}</li>" for _ in range(rng.randint(3, 7)))
    boxes = ""
    if rng.random() < 0.5:
        boxes = "<aside>" + "".join(
            f'<div class="node">{_icon(rng, size * 3)}<br>{pen.label(size, 0.4)}</div>' for _ in range(rng.randint(2, 4))
        ) + "</aside>"  # fmt: skip
    stripe = rng.choice(("", f"border-bottom:3px solid {colours.accent};", f"background:{colours.panel};"))
    back = (
        f"background:linear-gradient({rng.randint(0, 180)}deg,{colours.paper},{colours.panel});"
        if rng.random() < 0.4
        else ""
    )
    css = f"""
body {{ {back} }} main {{ padding: {size * 1.4:.1f}px; position: relative; }}
h1 {{ font-size: {title_size:.2f}px; line-height: 1.2; margin: 0 0 .7em; padding: .2em; color: {rng.choice((colours.accent, colours.ink))}; {stripe} }}
.body {{ display: flex; gap: {size * 2:.1f}px; }} li {{ margin-bottom: .5em; }} ul {{ flex: 1; list-style: {rng.choice(("disc", "square", "'> '", "'- '"))}; }}
aside {{ text-align: center; }} aside .node {{ margin-bottom: {size:.1f}px; line-height: 1.25; }}"""
    return css, f'<main><h1>{title}</h1><div class="body"><ul>{bullets}</ul>{boxes}</div></main>'


def photo(pen: Pen, _: Theme) -> Drawn:
    """Draw words over something like a photograph: noise, blurred lights, gradients."""
    rng, size = pen.rng, pen.body
    bright = rng.random() < 0.4
    low, high = ("#b8c4cc", "#f3ead8") if bright else ("#101820", "#4a4038")
    ink = "#101010" if bright else rng.choice(("#ffffff", "#ffe9b0", "#e6f0ff"))
    lights = "".join(
        f'<circle cx="{rng.uniform(0, 100):.1f}%" cy="{rng.uniform(0, 100):.1f}%" r="{rng.uniform(3, 22):.1f}%" '
        f'fill="{rng.choice(("#fff8e0", "#e0f0ff", "#ffe0e8") if bright else ("#5a2a10", "#1a3a5a", "#2a5030", "#301a50"))}" '
        f'fill-opacity="{rng.uniform(0.3, 0.8):.2f}"/>'
        for _ in range(rng.randint(6, 14))
    )
    back = (
        f'<svg class="back" width="100%" height="100%"><defs><filter id="blur"><feGaussianBlur stdDeviation="18"/></filter>'
        f'<filter id="grain"><feTurbulence type="fractalNoise" baseFrequency="{rng.uniform(0.02, 0.7):.3f}" numOctaves="3" '
        f'seed="{rng.randrange(1000)}"/><feColorMatrix type="saturate" values="0.3"/></filter></defs>'
        f'<g filter="url(#blur)">{lights}</g><rect width="100%" height="100%" filter="url(#grain)" opacity="{rng.uniform(0.08, 0.28):.2f}"/></svg>'
    )
    lines = []
    for k in range(rng.randint(2, 5)):
        scale = rng.uniform(1.0, 2.0) if k == 0 else 1.0
        tilt = rng.choice((0, 0, 0, 0, rng.uniform(-2.5, 2.5)))
        text = pen.label(size * scale, 0.75 if k < 3 else 0.2, broken=rng.random() < 0.5)
        lines.append(
            f'<p style="font-size:{size * scale:.2f}px;transform:rotate({tilt:.2f}deg);margin-left:{rng.uniform(0, 30):.0f}%">{text}</p>'
        )
    shadow = "" if bright or rng.random() < 0.5 else "text-shadow: 1px 1px 3px #000;"
    css = f"""
body {{ background: linear-gradient({rng.randint(0, 360)}deg, {low}, {high}); color: {ink}; {shadow} }}
main {{ position: relative; padding: {size * 2:.1f}px; }} .back {{ position: absolute; left: 0; top: 0; z-index: -1; }}
p {{ line-height: 1.3; margin: {size * 1.3:.1f}px 0; transform-origin: left; width: max-content; }}"""
    return css, f"<main>{back}{''.join(lines)}</main>"


_SENTENCES = (
    "{} keeps sessions out of the database", "Put {} in front of RDS", "Read from {} first, then from the database",
    "Create a security group for {}, RDS and ActiveMQ", "{} is a managed cache for Redis and Memcached",
    "Latency below a millisecond with {}", "Cost: {} is billed by the hour", "We moved from Memcached to {}",
    "Use {} instead of your own EC2 instances", "Both {} and DynamoDB Accelerator can do it", "Demo: {}", "{} nodes fail over by themselves",
)  # fmt: skip
_PLAIN_SENTENCES = (
    "Elastic Load Balancing spreads requests over three zones", "Elasticsearch indexes the logs of every service",
    "An Elastic IP stays when the instance is replaced", "Elastic Beanstalk deploys the application", "ElasticNet mixes both penalties",
    "The cache is warm after a minute", "CloudFront caches static files at the edge", "Elastic File System is mounted by all",
    "Replication lag is below one second", "Login to the account, create a key pair", "Plastic bottles are recycled here", "Cache invalidation is hard",
)  # fmt: skip


def sentence(pen: Pen, size: float, share: float = 0.45) -> str:
    """Write a sentence about the name, or about a neighbour."""
    if pen.left > 0 and pen.rng.random() < share:
        return pen.rng.choice(_SENTENCES).format(pen.name(size, glue=False))
    return pen.rng.choice(_PLAIN_SENTENCES)
