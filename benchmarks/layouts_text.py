"""Kinds of pictures full of text: consoles, documentation, tables, terminals, Japanese and Korean."""

# ruff: noqa: E501  HTML, CSS and JavaScript are easier to read on one line than cut into strings
# ruff: noqa: RUF001  Japanese has wide punctuation

from __future__ import annotations

import html

from benchmarks.layouts import Drawn, sentence
from benchmarks.sheet import Pen, Theme

__all__ = ["cjk", "console", "docs", "table", "terminal"]


def console(pen: Pen, colours: Theme) -> Drawn:
    """Draw a management console: top bar, side menu, crumbs, a table of resources with identifiers."""
    rng, size = pen.rng, pen.body
    menu = "".join(f"<p>{pen.label(size, 0.2, broken=False)}</p>" for _ in range(rng.randint(5, 11)))
    crumbs = f"{pen.label(size, 0.5, broken=False)} &rsaquo; {rng.choice(('Clusters', 'Subnet groups', 'Cache parameter groups'))}"
    head = "".join(f"<th>{text}</th>" for text in ("Name", "Service", "Status", "Endpoint"))
    rows = []
    for _ in range(rng.randint(3, 9)):
        endpoint = pen.identifier(size) if rng.random() < 0.35 else f"node-{rng.randint(100, 999)}.internal"
        rows.append(
            f"<tr><td><a>web-{rng.randint(1, 99)}</a></td><td>{pen.label(size, 0.35, broken=False)}</td><td>available</td><td>{endpoint}</td></tr>"
        )
    bar = rng.choice(("#232f3e", "#0f1b2a", "#1b660f", colours.accent))
    css = f"""
header {{ background: {bar}; color: #fff; padding: {size * 0.6:.1f}px {size:.1f}px; }} header b {{ margin-right: 2em; }}
.wrap {{ display: flex; }} nav {{ background: {colours.panel}; padding: {size:.1f}px; white-space: nowrap; border-right: 1px solid {colours.line}; }}
nav p {{ margin: .35em 0; }} article {{ padding: {size:.1f}px; }} .crumbs {{ color: {colours.muted}; }} a {{ color: {colours.accent}; }}
table {{ border-collapse: collapse; white-space: nowrap; }} td, th {{ border-bottom: 1px solid {colours.line}; padding: .4em .9em; text-align: left; }}
h2 {{ font-size: {size * 1.4:.2f}px; }} button {{ font: inherit; background: #ec7211; color: #fff; border: 0; border-radius: 3px; padding: .3em 1em; }}"""
    top = f"<header><b>Services</b><b>{pen.label(size, 0.25, broken=False)}</b> us-east-1</header>"
    title = pen.label(size * 1.4, 0.5, broken=False)
    body = f"<p class=crumbs>{crumbs}</p><h2>{title}</h2><button>Create</button><table><tr>{head}</tr>{''.join(rows)}</table>"
    return css, f"{top}<div class=wrap><nav>{menu}</nav><article>{body}</article></div>"


def docs(pen: Pen, colours: Theme) -> Drawn:
    """Draw a page of documentation: headings, paragraphs, code, a note."""
    rng, size = pen.rng, pen.body
    parts = []
    for _ in range(rng.randint(2, 4)):
        heading = pen.label(size * 1.6, 0.35, broken=False)
        text = ". ".join(sentence(pen, size, 0.3) for _ in range(rng.randint(3, 6)))
        parts.append(f"<h2>{heading}</h2><p>{text}.</p>")
        if rng.random() < 0.5:
            parts.append(f"<pre>{pen.identifier(size)}</pre>")
        if rng.random() < 0.3:
            parts.append(f'<div class="note"><b>Note</b> {sentence(pen, size, 0.6)}.</div>')
    css = f"""
main {{ padding: {size * 1.5:.1f}px; }} h2 {{ font-size: {size * 1.6:.2f}px; line-height: 1.2; margin: .8em 0 .3em; color: {rng.choice((colours.ink, colours.accent))}; }}
p {{ margin: .4em 0; }} pre {{ background: {colours.panel}; padding: .6em; font-family: inherit; margin: .6em 0; }}
.note {{ border-left: 4px solid {colours.accent}; padding: .5em 1em; background: {colours.panel}; }}"""
    return css, f"<main>{''.join(parts)}</main>"


def table(pen: Pen, colours: Theme) -> Drawn:
    """Draw a table that compares services, its rules close to the letters."""
    rng, size = pen.rng, pen.body
    columns = rng.randint(2, 4)
    tight = rng.choice((0.05, 0.15, 0.5))
    head = "".join(f"<th>{pen.label(size, 0.35)}</th>" for _ in range(columns))
    rows = "".join(
        "<tr>" + "".join(f"<td>{pen.label(size, 0.25)}</td>" for _ in range(columns)) + "</tr>"
        for _ in range(rng.randint(4, 10))
    )
    css = f"""
main {{ padding: {size * 1.2:.1f}px; }} table {{ border-collapse: collapse; line-height: 1.15; }}
td, th {{ border: {rng.choice((1, 1, 2))}px solid {colours.line}; padding: {tight}em {tight + 0.2}em; text-align: {rng.choice(("left", "center"))}; }}
th {{ background: {colours.panel}; }} tr:nth-child(even) td {{ background: {colours.panel if rng.random() < 0.5 else "transparent"}; }}"""
    return css, f"<main><table><tr>{head}</tr>{rows}</table></main>"


def terminal(pen: Pen, colours: Theme) -> Drawn:
    """Draw code or a terminal: identifiers that are right, comments that are prose."""
    rng, size = pen.rng, pen.body
    lines = []
    for _ in range(rng.randint(8, 18)):
        draw = rng.random()
        if draw < 0.3:
            lines.append(pen.identifier(size))
        elif draw < 0.55 and pen.left > 0:
            lines.append(f"<i>{rng.choice(('# ', '// ', '-- '))}{sentence(pen, size, 0.8)}</i>")
        else:
            plain = ("$ ls -l cache/", 'client = boto3.client("ec2")', 'resource "aws_s3_bucket" "logs" {', "}", "npm run build", "cache.get(key)",
                     "def elastic_net(alpha):", "export REGION=us-east-1", "$ kubectl get pods", "INFO elasticsearch green", "return cache[key]")  # fmt: skip
            lines.append(html.escape(rng.choice(plain)))
    css = f"""
main {{ padding: {size:.1f}px; white-space: pre; }} i {{ font-style: normal; color: {rng.choice((colours.muted, colours.accent))}; }}"""
    return css, "<main>" + "".join(f"<div>{'  ' * rng.randint(0, 2)}{line}</div>" for line in lines) + "</main>"


_CJK = (
    "{}を使ってセッションを保存します。", "データベースの前に{}を置く", "{}とは何ですか？", "セッション管理は{}で行う。", "{}를 사용하여 세션을 저장합니다.",
    "데이터베이스 앞에 {}를 둡니다.", "이 강의에서는 {} 를 배웁니다", "キャッシュ層：{}（Redis）", "実習3　{}クラスターの作成", "「{}」の料金",
)  # fmt: skip
_CJK_PLAIN = (
    "データベースの負荷を減らすためにキャッシュを使います。", "캐시는 데이터베이스의 부하를 줄입니다.", "Elastic Load Balancing は負荷を分散する",
    "Elastic Beanstalk로 배포합니다.", "Elasticsearch でログを検索", "静的なファイルは CloudFront から配信します。", "인스턴스를 시작하고 접속합니다.",
)  # fmt: skip


def cjk(pen: Pen, colours: Theme) -> Drawn:
    """Draw Japanese and Korean text around the name, often with no space between."""
    rng, size = pen.rng, pen.body
    lines = []
    for _ in range(rng.randint(4, 9)):
        if pen.left > 0 and rng.random() < 0.5:
            name = pen.glued_name(size) if rng.random() < 0.4 else pen.name(size, glue=False)
            lines.append(rng.choice(_CJK).format(name))
        else:
            lines.append(rng.choice(_CJK_PLAIN))
    heading = pen.label(size * 1.5, 0.5, broken=False) + rng.choice(("の概要", " 개요", "入門", ""))
    tag = rng.choice(("p", "li"))
    css = f"""
main {{ padding: {size * 1.3:.1f}px; }} h2 {{ font-size: {size * 1.5:.2f}px; line-height: 1.25; margin: 0 0 .6em; color: {colours.accent}; }}
p, li {{ margin: .5em 0; }} .box {{ border: 1px solid {colours.line}; background: {colours.panel}; padding: .4em .8em; width: max-content; }}"""
    boxes = f'<div class="box">{pen.label(size, 0.6, broken=False)}{rng.choice(("", "サーバー", "서버"))}</div>'
    return css, f"<main><h2>{heading}</h2>{''.join(f'<{tag}>{line}</{tag}>' for line in lines)}{boxes}</main>"
