"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const [height, width, channels] = data.shape;
const size = height * width * channels;
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const percent = (p) =>
  p > 0.9999 ? "> 99.99 %" : p < 0.0001 ? "< 0.01 %" : (100 * p).toFixed(2) + " %";
const largest = (values) => values.indexOf(Math.max(...values));

function element(tag, attributes = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...inside);
  return made;
}

// Draws an image; value(k) is the k-th of its numbers, from 0 to 255.
function draw(canvas, value) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const shown = context.createImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let colour = 0; colour < 3; colour++)
      shown.data[4 * pixel + colour] = value(pixel * channels + (channels === 3 ? colour : 0));
    shown.data[4 * pixel + 3] = 255;
  }
  context.putImageData(shown, 0, 0);
}

// A row of buttons of which one is chosen, by a click or by the arrow keys; inside(i) fills one.
function choices(place, count, inside, label, choose) {
  const buttons = [...Array(count).keys()].map((i) =>
    element("button", { type: "button", role: "radio", "aria-label": label(i) }, inside(i)));
  const pick = (chosen, focus) => {
    buttons.forEach((button, i) => {
      button.setAttribute("aria-checked", i === chosen);
      button.tabIndex = i === chosen ? 0 : -1;
    });
    if (focus) buttons[chosen].focus();
    choose(chosen);
  };
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  buttons.forEach((button, i) => {
    button.addEventListener("click", () => pick(i, false));
    button.addEventListener("keydown", (event) => {
      if (!(event.key in steps)) return;
      event.preventDefault();
      pick((i + steps[event.key] + count) % count, true);
    });
  });
  place.replaceChildren(...buttons);
  return pick;
}
