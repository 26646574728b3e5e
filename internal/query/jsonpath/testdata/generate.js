// Writes pairs of expressions and data with the answers of the npm package jsonpath, as README.md says.
// usage: node generate.js COUNT SEED
'use strict';
const jp = require('jsonpath');
let [count, seed] = process.argv.slice(2).map(Number);
const rnd = (n) => { seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0; return Math.floor(seed / 4294967296 * n); };
const pick = (a) => a[rnd(a.length)];
const keys = ['a', 'b', 'c', 'id', 'sub', 'length', 'x-y', '0', '1', '', ' ', 'name', 'keys', 'é', 'toString', 'at', '01', '-b'];
const scalars = [null, true, false, 0, 1, 2, -1, 1.5, 1e21, '', 'a', 'b', '0', '1', ' 1 ', '0x1', 'abc', 'é', '😀z', '\uffee', 'true', 'null', '1,2', '[object Object]'];
function value(d) {
  const k = rnd(d <= 0 ? 4 : 10);
  if (k < 4) return pick(scalars);
  if (k < 7) return Array.from({ length: rnd(5) }, () => value(d - 1));
  const o = {};
  for (let i = rnd(5); i > 0; i--) o[rnd(8) ? pick(keys.slice(0, 9)) : pick(keys)] = value(d - 1);
  return o;
}
const name = () => rnd(12) ? pick(['a', 'b', 'c', 'id', 'sub', 'name', 'length', 'a', 'b']) : pick(['constructor', 'keys', 'at', 'toString', '__proto__', '_', 'é', 'x-y']);
const int = () => pick(['0', '1', '2', '-1', '-0', '10', '3', '01', '12345678901234567890']);
const quoted = () => { const q = pick(["'", '"']); return q + (rnd(20) ? pick(keys) : pick(["\\'", '\\n', '\\u0041', '\\x', "'", 'a\\\\', 'a.b'])) + q; };
const slice = () => { const b = () => pick(['', '', '0', '1', '2', '3', '-1', '-2', '-9', '9']); return b() + ':' + b() + pick(['', '', ':' + pick(['', '1', '2', '-1', '-2', '0', '9'])]); };
const at = () => { let s = '@'; for (let i = rnd(3); i > 0; i--) s += rnd(4) ? '.' + name() : '[' + pick([int(), quoted()]) + ']'; return s; };
const lit = () => pick(['true', 'false', 'null', 'undefined', '0', '1', '-1', '1.5', '01', '1e3', '""', "'a'", "'b'", "'1'", "' 1 '", "'1,2'", "'[object Object]'", '"é"', "'\\x61'", "'\\uffee'", "'\uffee'"]);
function expr(d) {
  const sp = pick(['', '', ' ']);
  switch (rnd(d <= 0 ? 3 : 8)) {
    case 0: case 1: return at();
    case 2: return rnd(2) ? lit() : at();
    case 3: return '!' + sp + expr(d - 1);
    case 4: return '(' + expr(d - 1) + sp + ')';
    case 5: return expr(d - 1) + sp + pick(['&&', '||']) + sp + expr(d - 1);
    default: return expr(d - 1) + sp + pick(['==', '!=', '===', '!==', '<', '<=', '>', '>=', '==', '+', '-', '<<', '=', '&', '<!--']) + sp + expr(d - 1);
  }
}
const listable = () => pick([int, quoted, slice])();
function subscript() {
  const k = rnd(14);
  if (k < 3) return int();
  if (k < 5) return quoted();
  if (k < 6) return '*';
  if (k < 7) return slice();
  if (k < 9) return Array.from({ length: 2 + rnd(2) }, listable).join(',');
  if (k < 13) return '?(' + expr(2) + ')';
  return pick(['(@.length-1)', '( @.length - 2)', '(@.length)', '(1)', '(@.a)', '(@.length-0)']);
}
function component() {
  const k = rnd(40);
  if (k < 13) return '.' + name();
  if (k < 15) return '.*';
  if (k < 16) return '.' + int();
  if (k < 19) return '..' + name();
  if (k < 20) return '..' + pick(['*', int()]);
  if (k < 23) return '..[' + subscript() + ']';
  if (k < 39) return '[' + subscript() + ']';
  return pick(['.', '..', '[', ']', ' ', '.x-y', '$', '[]', '[a]', "['a'", '~', '.(@.length-1)', '[ 0 ]', ',']);
}
function path() {
  let s = rnd(12) ? '$' : pick(['', 'a', '*', '0', '@', '(@.a)', 'length', '$$', ' $']);
  for (let i = rnd(4); i >= 0; i--) s += component();
  return rnd(60) ? s : pick(['$', '*', 'a', '0', '', '..a', '.a', '[0]']);
}
const plain = (v) => v === null || ['string', 'number', 'boolean'].includes(typeof v) || Array.isArray(v) && v.every(plain) ||
  typeof v === 'object' && Object.getPrototypeOf(v) === Object.prototype && Object.values(v).every(plain);
console.log('[');
for (let i = 0; i < count; i++) {
  let data = value(4), e = path();
  if (rnd(50)) while (typeof data !== 'object' || data === null) data = value(4);
  const row = { e, d: data };
  try {
    const r = jp.query(data, e);
    // Object.prototype itself is an object, but its members are functions that are not listed.
    if (!r.every(plain) || r.includes(Object.prototype) || r.includes(Array.prototype)) row.prototype = true;
    else row.r = r;
  } catch (err) { row.err = String(err.message).split('\n')[0].slice(0, 60); }
  console.log(JSON.stringify(row) + (i < count - 1 ? ',' : ''));
}
console.log(']');
