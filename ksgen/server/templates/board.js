// Keeps an open page as it would be if it were loaded now. Without it the page shows the moment when it was loaded.
"use strict";

const main = document.querySelector("main");
const connection = document.getElementById("connection");
const filter = document.getElementById("filter");
const needs = document.getElementById("needs");

function ago(time) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(time.dateTime)) / 1000));
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  if (hours >= 48) return `${Math.floor(hours / 24)} d ago`;
  if (hours) return `${hours} h ${minutes % 60} min ago`;
  return minutes ? `${minutes} min ${seconds % 60} s ago` : `${seconds} s ago`;
}

function tick() {
  for (const time of document.querySelectorAll("time")) {
    time.title = time.dateTime;
    time.textContent = ago(time);
  }
}

function show() {
  if (!filter) return;
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const section of document.querySelectorAll("section")) {
    let own = 0;
    for (const row of section.querySelectorAll("tbody tr")) {
      const text = row.dataset.words.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word)) || (needs.checked && row.dataset.needs === "0");
      own += row.hidden ? 0 : 1;
    }
    section.hidden = own === 0;
    shown += own;
  }
  const all = document.querySelectorAll("tbody tr").length;
  document.getElementById("shown").textContent = shown === all ? "" : `${shown} of ${all} hosts`;
}

async function update(hosts) {
  if (main.dataset.host) {
    if (hosts.includes(main.dataset.host)) location.reload();
    return;
  }
  if (hosts.includes("(discovered)")) {
    location.reload();
    return;
  }
  const query = new URLSearchParams(hosts.map((host) => ["host", host]));
  const answer = await fetch(`${main.dataset.rows}?${query}`);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const row of page.querySelectorAll("tbody tr")) {
    const old = document.getElementById(row.id);
    if (!old) continue;
    const focused = old.contains(document.activeElement);
    row.className = "changed";
    old.replaceWith(row);
    if (focused) row.querySelector("a").focus();
  }
  document.getElementById("counts").replaceWith(page.getElementById("counts"));
  tick();
  show();
}

const changes = new EventSource(main.dataset.changes);
changes.addEventListener("changed", (event) => update(JSON.parse(event.data)));
changes.addEventListener("open", () => { if (connection) connection.textContent = "live"; });
changes.addEventListener("error", () => { if (connection) connection.textContent = "not connected; the page is as it was"; });
if (filter) {
  filter.addEventListener("input", show);
  needs.addEventListener("change", show);
}
tick();
setInterval(tick, 1000);
