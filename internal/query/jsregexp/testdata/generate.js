// Writes literals and texts with what JavaScript answers, as README.md says.
// usage: node generate.js COUNT SEED
'use strict';
let [count, seed] = process.argv.slice(2).map(Number);
const rnd = (n) => { seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0; return Math.floor(seed / 4294967296 * n); };
const pick = (a) => a[rnd(a.length)];
const chars = ['a', 'b', 'c', 'A', 'B', 'k', 's', 'K', '_', '0', '1', '8', ' ', '-', '.', '/', ',', '\n', '\r', '\t', '\u2028', '\u00a0', 'é', 'É', 'ß', 'ſ', '\u212a', 'µ', 'ǅ', 'Ω', 'Ω', 'ᾳ', 'ᾼ', 'İ', 'ı', '日', '😀', '𐐀', '𐐨', '{', '}', ']', '\\', 'k', 'Z', '\ufeff'];
const text = () => Array.from({ length: rnd(6) }, () => pick(rnd(2) ? chars.slice(0, 12) : chars)).join('');
const esc = ['\\d', '\\D', '\\w', '\\W', '\\s', '\\S', '\\n', '\\t', '\\0', '\\01', '\\8', '\\12', '\\101', '\\377', '\\400', '\\x41', '\\x4', '\\u0041', '\\u004', '\\u{41}', '\\u{1F600}', '\\ud83d\\ude00', '\\ud83d', '\\cA', '\\c', '\\c1', '\\-', '\\.', '\\/', '\\\\', '\\a', '\\Z', '\\A', '\\p{L}', '\\P{Lu}', '\\p{Lu}', '\\p{Script=Greek}', '\\k', '\\_', '\\e', '\\[', '\\^', '\\é', '\\v'];
const lit = () => rnd(5) ? pick(chars.slice(0, 12)) : pick(chars.filter((c) => !'\\\n\r\u2028'.includes(c)));
function cls() {
  let s = pick(['[', '[', '[^']);
  for (let i = rnd(4); i > 0; i--) s += pick([lit, lit, () => pick(esc), () => pick(['a-c', 'A-z', '0-9', 'b-a', 'à-ü', '\\d-x', 'x-\\w', '-', '^', '[', '\\b', '\\B', '\\c_', '😀-😂', 'α-ω', '\\x00-\\x7f', '&-.'])])();
  return s + (rnd(60) ? ']' : '');
}
let groups = 0;
function atom(d) {
  const k = rnd(d <= 0 ? 12 : 20);
  if (k < 6) return lit();
  if (k < 8) return pick(esc);
  if (k < 10) return cls();
  if (k < 11) return '.';
  if (k < 12) return pick(['^', '$', '\\b', '\\B', '\\1', '\\2', '\\k<n>', '{', '}', ']', '{1}', '{,2}', '*', ')', '']);
  if (k < 15) { groups++; return '(' + alt(d - 1) + ')'; }
  if (k < 17) return '(?:' + alt(d - 1) + ')';
  if (k < 19) return pick(['(?=', '(?!', '(?<=', '(?<!', '(?<n>', '(?i:', '(?']) + alt(d - 1) + ')';
  return '\\1';
}
const quant = () => rnd(3) ? '' : pick(['*', '+', '?', '{0}', '{2}', '{1,2}', '{0,}', '{2,1}', '{,2}', '{1', '{a}', '{99999999999}']) + pick(['', '', '?', '+']);
const seq = (d) => Array.from({ length: rnd(4) }, () => atom(d) + quant()).join('');
const alt = (d) => rnd(4) ? seq(d) : seq(d) + '|' + seq(d);
const flags = () => pick(['', '', '', 'i', 'i', 'u', 'iu', 'm', 's', 'g', 'y', 'im', 'dgimsuy', 'ii', 'q', 'ui']);
console.log('[');
for (let n = 0; n < count; n++) {
  let literal = '/' + pick(['', '', '^']) + alt(3) + pick(['', '', '$']) + '/' + flags();
  if (!rnd(100)) literal = pick(['a', '/', '//', '/a', 'x/a/i', '/a/i ', '/a\n/b/', '/a/\n', '/a/i\nq', '/a/b/', 'https://x/y/', '///']);
  const row = { l: literal, s: text() };
  try {
    const parts = /\/(.*)\/(.*)/.exec(literal);
    row.r = new RegExp(parts[1], parts[2]).test(row.s);
  } catch (e) { row.err = e.constructor.name; }
  console.log(JSON.stringify(row) + (n < count - 1 ? ',' : ''));
}
console.log(']');
