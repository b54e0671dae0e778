const originals = bytes(data.originals);
const changed = data.changed.map(bytes);
const state = { source: 0, image: 0, gain: 5 };
const own = () => data.networks.indexOf(data.sources[state.source]);

function show() {
  const { source, image, gain } = state;
  const found = data.found[source][image];
  const before = originals.subarray(image * size, (image + 1) * size);
  const after = changed[source].subarray(image * size, (image + 1) * size);
  draw(at("original"), (k) => before[k]);
  draw(at("change"), (k) => (found ? 128 + gain * (after[k] - before[k]) : 255));
  draw(at("result"), (k) => (found ? after[k] : 255));
  const p = data.before[own()][image], q = data.after[source][own()][image];
  const name = data.sources[source];
  at("said-original").textContent = `a ${data.labels[image]}; ${name}: ${largest(p)}, ${percent(Math.max(...p))}`;
  at("said-change").textContent = found
    ? `change × ${gain}; root mean square ${data.distortion[source][image].toFixed(4)}`
    : "no image was found";
  at("said-result").textContent = found ? `${name}: ${largest(q)}, ${percent(Math.max(...q))}` : "";
  at("probabilities").replaceChildren(
    ...p.flatMap((value, label) => [
      element("b", {}, String(label)),
      element("i", { style: `width: ${100 * value}%` }), element("span", {}, percent(value)),
      element("i", { class: "after", style: `width: ${found ? 100 * q[label] : 0}%` }),
      element("span", {}, found ? percent(q[label]) : "n/a"),
    ]));
  at("others").replaceChildren(...data.networks.map((network, judge) => row(network, judge, found)));
}

// What a network says of the image, and how many of all shown ones it gets wrong.
function row(network, judge, found) {
  const { source, image } = state;
  const said = (p) => {
    const label = largest(p);
    return element("td", {},
      element("span", { class: label === data.labels[image] ? "right" : "wrong" }, String(label)),
      ` ${percent(p[label])}`);
  };
  const kept = data.labels.map((_, i) => i).filter((i) => data.found[source][i]);
  const wrong = kept.filter((i) => largest(data.after[source][judge][i]) !== data.labels[i]).length;
  return element("tr", {}, element("th", { scope: "row" }, network),
    said(data.before[judge][image]),
    found ? said(data.after[source][judge][image]) : element("td", {}, "n/a"),
    element("td", { "data-wrong": wrong }, `${wrong} of ${kept.length}`));
}

const thumbnail = (i) => {
  const canvas = element("canvas");
  draw(canvas, (k) => originals[i * size + k]);
  return canvas;
};
const pickSource = choices(at("sources"), data.sources.length, (i) => data.sources[i],
  (i) => `made for ${data.sources[i]}`, (i) => { state.source = i; show(); });
const pickImage = choices(at("strip"), data.labels.length, thumbnail,
  (i) => `image ${i + 1}, a ${data.labels[i]}`, (i) => { state.image = i; show(); });
at("gain").addEventListener("input", (event) => { state.gain = Number(event.target.value); show(); });
pickSource(0, false);
pickImage(0, false);
