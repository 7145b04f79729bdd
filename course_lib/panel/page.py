"""The HTML of a panel: its style, its images, and the slider that the page serves without the
kernel.
"""

import base64
import html
import itertools
import json

from course_lib.panel.picture import DPI

STYLE = """<style>
.course-explorer { max-width: 850px; box-sizing: border-box; padding: 6px 10px 10px; font-size: 13px; overflow: hidden;
  border: 1px solid var(--jp-border-color2, #ccc); border-radius: 6px; }
.course-explorer .course-bar { align-items: center; }
.course-explorer .course-bar > .widget-html { flex: 1 1 auto; }
.course-explorer .course-bar > .jupyter-button { width: 74px; height: 24px; line-height: 22px; background: none;
  border: 1px solid var(--jp-border-color2, #ccc); border-radius: 12px; font-size: 12px; }
.course-explorer .course-controls, .course-explorer .course-control { overflow: visible; }
.course-explorer .course-control > .widget-inline-hbox { width: auto; margin: 2px 0 0; }
.course-explorer .course-control .widget-label { width: auto; flex: 1 1 auto; text-align: left; line-height: 14px;
  white-space: normal; display: flex; align-items: center; }
.course-explorer .course-control .widget-text input[type=number] { flex: 0 0 76px; width: 76px; text-align: right;
  padding: 0 5px; }
.course-explorer input[type=number] { appearance: textfield; }  /* the room of the spin buttons is for digits */
.course-explorer input[type=number]::-webkit-inner-spin-button { appearance: none; margin: 0; }
.course-explorer .course-control .widget-dropdown select { width: auto; flex: 0 1 60%; min-width: 60px; }
.course-explorer .course-control > .widget-hslider { height: 22px; }
.course-explorer .course-control > .widget-hslider .slider-container { margin: 0 8px; }
.course-explorer .course-control > .widget-html { margin: 0; }
.course-explorer .widget-html-content { line-height: 1.45; }
.course-explorer .course-page { display: flex; flex-flow: row wrap; align-items: center; margin: 2px 0 0; }
.course-explorer .course-page label { flex: 1 1 auto; display: flex; align-items: center; }
.course-explorer .course-page input[type=number] { width: 76px; margin-left: auto; height: 28px; text-align: right;
  box-sizing: border-box; padding: 0 5px; font: inherit; color: var(--jp-ui-font-color1, inherit);
  background: var(--jp-layout-color0, #fff); border: 1px solid var(--jp-border-color1, #bbb); }
.course-explorer .course-page input[type=range] { flex: 1 1 100%; appearance: none; height: 4px; margin: 10px 8px 8px;
  border-radius: 3px; background: var(--jp-layout-color3, #bdbdbd); }
.course-explorer .course-page input[type=range]::-webkit-slider-thumb { appearance: none; width: 16px; height: 16px;
  border: 1px solid var(--jp-layout-color4, #757575); border-radius: 50%; background: #fff; }
.course-explorer .course-page input[type=range]::-moz-range-thumb { width: 14px; height: 14px;
  border: 1px solid var(--jp-layout-color4, #757575); border-radius: 50%; background: #fff; }
.course-explorer .course-transport { display: none; }
.course-explorer img { display: block; max-width: 100%; height: auto; }
.course-explorer .course-frames > * { display: none; }
.course-explorer .course-refused img { filter: grayscale(1); opacity: 0.4; }
.course-explorer .course-caption { min-height: 38px; margin: 2px 4px 0; }
.course-explorer .course-state { user-select: all; }
.course-explorer.jupyter-widgets-disconnected::before { content: "The kernel has stopped: run this cell again.";
  color: var(--jp-error-color1, #d32f2f); font: bold 13px sans-serif; padding: 4px 0; }
</style>
"""


def once_shown(script):
    """HTML that runs `script` when it comes into a page, for what no trait can do.

    `this` is an unseen image.
    """
    pixel = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
    return f'<img hidden alt="" src="{pixel}" onload="{html.escape(script)}">'


#: JupyterLab would take arrow keys and Enter for its own shortcuts; a screen reader should hear a caption that changes.
KEYS = "this.closest('.{root}')?.addEventListener('keydown', event => event.stopPropagation());"
HEARD = "this.closest('.course-explorer')?.querySelector('.course-caption')?.setAttribute('aria-live', 'polite');"

# What a trained control does in the page. `this` is its <div>; the style rules read the `value`
# attribute of its range. The kernel is told at once while it still has to draw, else when the
# reader leaves the control.
_MOVE = """
const [box, range] = this.querySelectorAll('input'), values = JSON.parse(this.dataset.values);
if (event.target === box) {
  const far = v => Math.abs(v - box.value);
  range.value = values.reduce((best, v, i) => far(v) < far(values[best]) ? i : best, 0);
}
box.value = values[range.value];
range.setAttribute('value', range.value);
range.setAttribute('aria-valuetext', box.value);
if (!this.closest('.course-explorer').querySelector('.course-frames')) this.onblur();
"""
_TELL = """
const at = this.closest('.course-control').querySelector('.course-transport input');
at.value = this.querySelector('input[type=range]').value;
at.dispatchEvent(new Event('change', {bubbles: true}));
"""


def control_in_page(control, place, number):
    """Number box and slider of the trained `control`, the `place`-th of its panel, standing at
    `number`.
    """
    at = control.nearest(number)
    shown = html.escape(control.name)
    return f"""<div class="course-page" data-values="{json.dumps(control.positions)}"
 oninput="if (event.target.type === 'range') this.onchange(event)" onchange="{html.escape(_MOVE)}"
 onblur="{html.escape(_TELL)}" onfocusout="this.onblur()" onpointerleave="if (!event.buttons) this.onblur()">
<label>{shown} <input type="number" step="any" value="{control.positions[at]}"></label>
<input type="range" class="course-at-{place}" min="0" max="{len(control.positions) - 1}" value="{at}"
 aria-label="{shown}" aria-valuetext="{control.positions[at]}"></div>"""


def frame_rules(axes):
    """The style rules that show the frame at which the trained sliders stand."""
    rules = [
        ".course-explorer"
        + "".join(f':has(.course-at-{place}[value="{i}"])' for place, i in enumerate(cell))
        + f" .course-frame-{'-'.join(map(str, cell))} {{ display: block; }}"
        for cell in itertools.product(*(range(len(control.positions)) for control in axes))
        if cell
    ]
    return f"<style>{' '.join(rules)}</style>"


def image(png, alt, size, name=""):
    """An `<img>` of `size` inches, its alternative text the caption.

    `png` None: an empty place of that size.
    """
    width, height = (round(side * DPI) for side in size)
    if png is None:
        return f'<div style="width: {width}px; height: {height}px"></div>'
    source = base64.b64encode(png).decode()
    shape = f'width="{width}" height="{height}"'
    return f'<img class="{name}" alt="{html.escape(alt)}" {shape} src="data:image/png;base64,{source}">'


def frames(drawn, size):
    """HTML of all pictures and of all captions of `drawn`: cell (an index for each trained slider)
    → (PNG, caption).
    """
    names = {cell: f"course-frame-{'-'.join(map(str, cell))}" for cell in drawn}
    images = "".join(
        image(png, caption, size, names[cell]) for cell, (png, caption) in drawn.items()
    )
    captions = "".join(
        f'<span class="{names[cell]}">{html.escape(text)}</span>'
        for cell, (_, text) in drawn.items()
    )
    return (
        f'<div class="course-frames">{images}</div>',
        f'<div class="course-frames">{captions}</div>',
    )
