const rows = data.rows.map((row) => ({ ...row, pixels: bytes(row.images) }));
const state = { row: 0, moment: 0 };
let timer = 0;

function show() {
  const { generations, confidence, pixels } = rows[state.row];
  const moment = Math.min(state.moment, generations.length - 1);
  at("moment").max = generations.length - 1;
  at("moment").value = moment;
  at("moment").setAttribute("aria-valuetext", `generation ${generations[moment]}`);
  at("generation").textContent = `generation ${generations[moment]}`;
  const classes = confidence[moment].length;
  at("classes").replaceChildren(...confidence[moment].map((p, label) => {
    const canvas = element("canvas");
    const first = (moment * classes + label) * size;
    draw(canvas, (k) => pixels[first + k]);
    return element("figure", {}, canvas,
      element("figcaption", { "data-confidence": p }, `${label}: ${percent(p)}`));
  }));
}

function stop() {
  clearInterval(timer);
  timer = 0;
  at("play").textContent = "play";
}

function play() {
  if (timer) return stop();
  const last = rows[state.row].generations.length - 1;
  if (state.moment >= last) state.moment = 0;
  at("play").textContent = "stop";
  timer = setInterval(() => {
    state.moment += 1;
    show();
    if (state.moment >= last) stop();
  }, 250);
}

const pick = choices(at("rows"), rows.length, (i) => rows[i].name, (i) => rows[i].name,
  (i) => { stop(); state.row = i; show(); });
at("moment").addEventListener("input", (event) => { stop(); state.moment = Number(event.target.value); show(); });
at("play").addEventListener("click", play);
state.moment = rows[0].generations.length - 1;
pick(0, false);
