'use strict';
// Zoom over all charts, bars and the timeline at once. Everything can be read without it.
(function () {
  const plots = Array.from(document.querySelectorAll('svg.plot'));
  const box = document.querySelector('.charts');
  if (!box || !plots.length) return;
  document.documentElement.classList.add('scripted');
  const width = Number(box.dataset.buckets), from = Number(box.dataset.from), step = Number(box.dataset.step);
  const shift = Number(box.dataset.offset);
  let view = [0, 1];
  const clock = function (fraction) {
    const time = new Date(from + fraction * width * step + shift * 60000).toISOString();
    return time.slice(0, 10) + ' ' + time.slice(11, 19);
  };
  const place = function (element, a, b) {
    const left = (a - view[0]) / (view[1] - view[0]), right = (b - view[0]) / (view[1] - view[0]);
    element.style.left = 100 * left + '%';
    if (element.classList.contains('bar')) element.style.width = 100 * (right - left) + '%';
    return right >= 0 && left <= 1;
  };
  const show = function (a, b) {
    if (b - a < 2 / width) { const m = (a + b) / 2; a = m - 1 / width; b = m + 1 / width; }
    const span = Math.min(1, b - a);
    a = Math.max(0, Math.min(1 - span, a));
    view = [a, a + span];
    for (const plot of plots) plot.setAttribute('viewBox', [a * width, 0, span * width, 100].join(' '));
    for (const element of document.querySelectorAll('[data-a]')) {
      const seen = place(element, Number(element.dataset.a), Number(element.dataset.b));
      if (element.classList.contains('bar')) element.closest('li').style.opacity = seen ? '' : '.35';
      else element.style.visibility = seen ? '' : 'hidden';
    }
    for (const row of document.querySelectorAll('[data-at]')) {
      const at = Number(row.dataset.at);
      row.hidden = span < 1 && (at < view[0] || at > view[1]);
    }
    box.querySelectorAll('.axis').forEach(function (axis) {
      const parts = axis.children, last = parts.length - 1;
      for (let i = 0; i <= last; i++) parts[i].textContent = clock(view[0] + span * i / last).slice(span * width * step > 172800000 ? 5 : 11, span * width * step > 172800000 ? 16 : 19);
    });
    box.querySelector('.range').textContent = span < 1 ? clock(view[0]) + ' to ' + clock(view[1]) : 'the whole window';
  };
  const at = function (plot, event) {
    const frame = plot.getBoundingClientRect();
    return view[0] + (view[1] - view[0]) * Math.max(0, Math.min(1, (event.clientX - frame.left) / frame.width));
  };
  for (const plot of plots) {
    let start = null, brush = null;
    plot.addEventListener('pointerdown', function (event) {
      start = at(plot, event);
      plot.setPointerCapture(event.pointerId);
      brush = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
      brush.setAttribute('class', 'brush'); brush.setAttribute('y', '0'); brush.setAttribute('height', '100');
      plot.appendChild(brush);
    });
    plot.addEventListener('pointermove', function (event) {
      if (start === null) return;
      const now = at(plot, event);
      brush.setAttribute('x', Math.min(start, now) * width);
      brush.setAttribute('width', Math.abs(now - start) * width);
    });
    const stop = function (event) {
      if (start === null) return;
      const now = at(plot, event), a = Math.min(start, now), b = Math.max(start, now);
      start = null; brush.remove();
      // A click shows what happened about that moment, and the lines behind the curve.
      const lines = plot.parentNode.querySelector('details');
      if (lines && event.type !== 'pointercancel') lines.open = true;
      if (event.type !== 'pointercancel') show(b - a > .01 * (view[1] - view[0]) ? a : a - 2 / width, b - a > .01 * (view[1] - view[0]) ? b : b + 2 / width);
    };
    plot.addEventListener('pointerup', stop);
    plot.addEventListener('pointercancel', stop);
    plot.addEventListener('dblclick', function () { show(0, 1); });
  }
  const zoom = function (factor) { const m = (view[0] + view[1]) / 2, h = (view[1] - view[0]) * factor / 2; show(m - h, m + h); };
  const pan = function (by) { const d = by * (view[1] - view[0]); show(view[0] + d, view[1] + d); };
  const acts = { '+': function () { zoom(.5); }, '=': function () { zoom(.5); }, '-': function () { zoom(2); }, ArrowLeft: function () { pan(-.25); }, ArrowRight: function () { pan(.25); }, '0': function () { show(0, 1); }, Escape: function () { show(0, 1); } };
  box.addEventListener('keydown', function (event) {
    if (!event.ctrlKey && !event.metaKey && !event.altKey && acts[event.key]) { acts[event.key](); event.preventDefault(); }
  });
  for (const button of box.querySelectorAll('button[data-key]')) button.addEventListener('click', function () { acts[button.dataset.key](); });
})();
