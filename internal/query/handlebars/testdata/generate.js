// Writes pairs of templates and data with what the npm package handlebars renders, as README.md says.
// usage: node generate.js COUNT SEED
'use strict';
const Handlebars = require('handlebars');
Handlebars.logger.log = () => {};
let [count, seed] = process.argv.slice(2).map(Number);
const rnd = (n) => { seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0; return Math.floor(seed / 4294967296 * n); };
const pick = (a) => a[rnd(a.length)];
const keys = ['a', 'b', 'c', 'x-y', 'this', 'else', 'true', 'if', 'lookup', 'length', '0', '1', 'a b', 'constructor', 'toString', '__proto__', 'valueOf', 'elsewhere', 'é', '$', 'root'];
const scalars = [null, true, false, 0, 1, -0.5, 1e21, 1e-7, '', 'a', '<b>&"\'`=', 'é😀', ' x ', '[object Object]'];
function value(d) {
  const k = rnd(d <= 0 ? 4 : 10);
  if (k < 4) return pick(scalars);
  if (k < 6) return Array.from({ length: rnd(4) }, () => value(d - 1));
  const o = {};
  for (let i = rnd(5); i > 0; i--) Object.defineProperty(o, rnd(3) ? pick(keys.slice(0, 4)) : pick(keys), { value: value(d - 1), enumerable: true, configurable: true, writable: true });
  return o;
}
const ws = () => pick(['', '', '', ' ', '\n', '\t ']);
const seg = () => rnd(4) ? pick(keys.slice(0, 4)) : rnd(2) ? pick(keys) : '[' + pick([...keys, 'a.b', '', ']', '[', '.x', '..', '\\', 'a/b']) + ']';
function path() {
  let s = rnd(4) ? seg() : pick(['this', '.', './a', '@root', '@root.a', '@root/b', '@index', '..', '../a', 'this.a', 'this/b', '@', './if', 'this.each', '"a"', '1', 'a b', 'a=1', '[a].b']);
  for (let i = rnd(3); i > 0; i--) s += pick(['.', '.', '/', '.', '..', ' . ']).slice(0, rnd(9) ? 1 : 3) + seg();
  return s;
}
function mustache() {
  const p = ws() + path() + ws(), l = rnd(6) ? '' : '~', r = rnd(6) ? '' : '~';
  const k = rnd(40);
  if (k < 22) return '{{' + l + p + r + '}}';
  if (k < 30) return '{{' + l + '{' + p + '}' + r + '}}';
  if (k < 34) return '{{' + l + '&' + p + r + '}}';
  return pick(['{{!x}}', '{{}}', '{{' + p, '{{' + p + '}', '{{' + p + '}}}', '{{{' + p + '}}', '{{{' + p + '}}}}', '{{{{' + p + '}}}}', '{{#a}}x{{/a}}', '{{^}}', '{{else}}', '{{*a}}', '{{>a}}', '{{~}}']);
}
const text = () => pick(['', '', '', 'x', ' ', ' \n x \n', '\\', '\\\\', '{', '}', '\u00a0', 'a=b<c>', '\ufeff ', 'é', '}}', '\u0000']);
console.log('[');
for (let i = 0; i < count; i++) {
  let t = text();
  for (let j = rnd(4); j > 0; j--) t += mustache() + text();
  const data = value(3), row = { t, d: data };
  try { row.r = Handlebars.compile(t)(data); } catch (e) { row.err = String(e.message).split('\n')[0].slice(0, 60); }
  console.log(JSON.stringify(row) + (i < count - 1 ? ',' : ''));
}
console.log(']');
