"""A pad to draw on with mouse, pen or finger; what comes back is framed as the training pictures are."""

import base64
import binascii
import io
from typing import Any

import streamlit as st
from PIL import Image, UnidentifiedImageError

from recipes import Refusal

SIDE = 280
_STROKE = 26
_LARGEST = 2_000_000

_HTML = """
<div class="pad">
  <canvas role="img"></canvas>
  <button type="button"></button>
</div>
"""

_CSS = """
.pad { display: flex; flex-direction: column; gap: 8px; align-items: flex-start }
canvas {
  width: 100%; max-width: 280px; aspect-ratio: 1; box-sizing: border-box; touch-action: none; cursor: crosshair;
  background: #000; border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius);
}
button {
  font: inherit; padding: 6px 14px; cursor: pointer; color: var(--st-text-color);
  background: var(--st-secondary-background-color);
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius);
}
button:hover { border-color: var(--st-primary-color); color: var(--st-primary-color) }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px }
"""

_JS = """
const sheets = new WeakMap()

function sheetOf(canvas, side) {
  if (!sheets.has(canvas)) {
    canvas.width = side
    canvas.height = side
    sheets.set(canvas, { ink: canvas.getContext("2d"), drawing: false, sending: undefined })
  }
  return sheets.get(canvas)
}

export default function ({ data, parentElement, setStateValue }) {
  const canvas = parentElement.querySelector("canvas")
  const clear = parentElement.querySelector("button")
  const sheet = sheetOf(canvas, data.side)
  canvas.setAttribute("aria-label", data.label)
  clear.textContent = data.clear

  const place = (event) => {
    const box = canvas.getBoundingClientRect()
    return [((event.clientX - box.left) * data.side) / box.width, ((event.clientY - box.top) * data.side) / box.height]
  }
  const send = () => {
    clearTimeout(sheet.sending)
    sheet.sending = setTimeout(() => setStateValue("png", canvas.toDataURL("image/png")), 120)
  }

  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId)
    Object.assign(sheet.ink, { lineWidth: data.stroke, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" })
    sheet.drawing = true
    sheet.ink.beginPath()
    sheet.ink.moveTo(...place(event))
    sheet.ink.lineTo(...place(event))
    sheet.ink.stroke()
  }
  canvas.onpointermove = (event) => {
    if (!sheet.drawing) return
    sheet.ink.lineTo(...place(event))
    sheet.ink.stroke()
  }
  canvas.onpointerup = canvas.onpointercancel = () => {
    if (!sheet.drawing) return
    sheet.drawing = false
    send()
  }
  clear.onclick = () => {
    clearTimeout(sheet.sending)
    sheet.ink.clearRect(0, 0, data.side, data.side)
    setStateValue("png", null)
  }
  return () => clearTimeout(sheet.sending)
}
"""

_PAD = st.components.v2.component("layerwise_drawing_pad", html=_HTML, css=_CSS, js=_JS)
_LOOK = {"side": SIDE, "stroke": _STROKE, "label": "Drawing pad: draw with mouse, pen or finger", "clear": "Clear"}


def pad(key: str) -> Image.Image | None:
    """Show the pad; return the drawing as white ink on black, framed, or None while it is empty."""
    drawn = _PAD(key=key, data=_LOOK, default={"png": None}, on_png_change=lambda: None)
    return framed(ink_of(drawn.png)) if drawn.png else None


def ink_of(address: Any) -> Image.Image:
    """Read the pad's `data:` address: the ink is the alpha channel. What no pad would send is refused."""
    sentence = "The drawing could not be read. Clear the pad and draw again."
    if not isinstance(address, str) or len(address) > _LARGEST:
        raise Refusal(sentence)
    try:
        image = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2], validate=True)), formats=["PNG"])
        if image.size != (SIDE, SIDE):
            raise Refusal(sentence)
        return image.convert("RGBA").getchannel("A")
    except (binascii.Error, UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise Refusal(sentence) from None


def framed(ink: Image.Image, side: int = 64) -> Image.Image | None:
    """Cut to the ink, scale it to fill a square and centre it; None where there is no ink.

    People draw small, large and in corners; the pictures a model learned from fill their frame.
    """
    box = ink.getbbox()
    if box is None:
        return None
    cut = ink.crop(box)
    factor = side / max(cut.size)
    cut = cut.resize((max(1, round(cut.width * factor)), max(1, round(cut.height * factor))), Image.Resampling.LANCZOS)
    square = Image.new("L", (side, side))
    square.paste(cut, ((side - cut.width) // 2, (side - cut.height) // 2))
    return square
