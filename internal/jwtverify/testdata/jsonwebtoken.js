// Writes jsonwebtoken.json: what jsonwebtoken 9.0.2 says about tokens, keys and options.
// Run it in a folder where that package is installed: node jsonwebtoken.js > jsonwebtoken.json
'use strict';
const crypto = require('crypto');
const jwt = require('jsonwebtoken');
const jws = require('jws');

const now = 1795348800; // 2026-11-22T12:00:00Z
const pem = (k, type) => k.export({ type, format: 'pem' });
const pair = (type, options) => crypto.generateKeyPairSync(type, options);
const rsa = pair('rsa', { modulusLength: 2048 });
const small = pair('rsa', { modulusLength: 1024 });
const ec = Object.fromEntries([['256', 'P-256'], ['384', 'P-384'], ['512', 'P-521']].map(([n, c]) => [n, pair('ec', { namedCurve: c })]));
const ed = pair('ed25519');
const secret = 'jwtsecret';

const keys = {
  secret,
  rsa: pem(rsa.publicKey, 'spki'),
  'rsa pkcs1': pem(rsa.publicKey, 'pkcs1'),
  'rsa private': pem(rsa.privateKey, 'pkcs8'),
  'rsa private pkcs1': pem(rsa.privateKey, 'pkcs1'),
  'rsa, no last newline': pem(rsa.publicKey, 'spki').trim(),
  'rsa, leading text': 'the key:\n' + pem(rsa.publicKey, 'spki'),
  'rsa1024': pem(small.publicKey, 'spki'),
  'ec256': pem(ec['256'].publicKey, 'spki'),
  'ec384': pem(ec['384'].publicKey, 'spki'),
  'ec512': pem(ec['512'].publicKey, 'spki'),
  'ec256 private': pem(ec['256'].privateKey, 'sec1'),
  ed: pem(ed.publicKey, 'spki'),
  'broken pem': pem(rsa.publicKey, 'spki').replace(/\n/g, '\\n'),
};

const signer = {
  HS: () => secret, RS: () => rsa.privateKey, PS: () => rsa.privateKey, ES: (n) => ec[n].privateKey,
};
const sign = (alg, payload, header, key) => jws.sign({
  header: { alg, typ: 'JWT', ...header }, payload,
  secret: key || (alg === 'none' ? '' : signer[alg.slice(0, 2)](alg.slice(2))),
});

const cases = [];
function add(note, key, token, options) {
  const want = {};
  const realNow = Date.now;
  Date.now = () => now * 1000;
  try {
    jwt.verify(token, (h, cb) => cb(null, keys[key]), options, (err, v) => {
      if (err) Object.assign(want, { name: err.name, message: err.message });
      else want.ok = true;
    });
  } catch (err) {
    Object.assign(want, { name: err.name, message: err.message });
  } finally {
    Date.now = realNow;
  }
  cases.push({ note, key, token, ...(options === undefined ? {} : { options }), want });
}

const std = { sub: 'alice', iss: 'https://iss', aud: 'app1', jti: 'j1', nonce: 'n1', iat: now - 100, exp: now + 100 };
const algs = ['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'none'];
for (const alg of algs) {
  const token = sign(alg, std);
  for (const key of Object.keys(keys)) {
    add(`${alg} with ${key}`, key, token);
    if (['secret', 'rsa', 'ec256'].includes(key)) add(`${alg} with ${key}, asked for`, key, token, { algorithms: [alg] });
  }
}
for (const alg of ['HS256', 'HS384', 'HS512']) {
  // The attack: the public key as the secret.
  add(`${alg} signed with the public key`, 'rsa', sign(alg, std, {}, keys.rsa));
  add(`${alg} signed with the public key, asked for`, 'rsa', sign(alg, std, {}, keys.rsa), { algorithms: [alg, 'RS256'] });
}
add('small key', 'rsa1024', sign('RS256', std, {}, small.privateKey));

const good = sign('HS256', std);
const [h, p, s] = good.split('.');
const tokens = {
  empty: '', 'no dots': 'abc', 'one dot': 'a.b', 'three dots': good + '.x', 'five parts': 'a.b.c.d.e', dots: '..', 'many dots': '.'.repeat(100),
  'no header': `.${p}.${s}`, 'no payload': `${h}..${s}`, 'no signature': `${h}.${p}.`, 'blank signature': `${h}.${p}. `,
  'wrong signature': `${h}.${p}.${s.slice(0, -2)}AA`, 'signature padded': `${good}=`, 'header padded': `${h}==.${p}.${s}`,
  'standard base64': `${h}.${p}.${s.slice(0, -1)}+`, 'leading space': ` ${good}`, 'trailing space': `${good} `,
  'other payload': `${h}.${Buffer.from('{"sub":"bob"}').toString('base64url')}.${s}`,
  'header not JSON': `bm9wZQ.${p}.${s}`, 'alg in another case': sign('HS256', std).replace(h, Buffer.from('{"alg":"hs256","typ":"JWT"}').toString('base64url')),
  'no alg': good.replace(h, Buffer.from('{"typ":"JWT"}').toString('base64url')),
  'header null': good.replace(h, Buffer.from('null').toString('base64url')),
};
for (const [note, token] of Object.entries(tokens)) add(note, 'secret', token);

const raw = (payload, header) => {
  const head = Buffer.from(JSON.stringify(header || { alg: 'HS256', typ: 'JWT' })).toString('base64url');
  const input = `${head}.${Buffer.from(payload).toString('base64url')}`;
  return `${input}.${crypto.createHmac('sha256', secret).update(input).digest('base64url')}`;
};
for (const payload of ['5', 'true', '[]', '"x"', 'null', 'notjson', '{', '{}', ' {"exp":1}', '[{"exp":1}]', '{"exp":1,"exp":4102444800}', '{"exp":4102444800,"exp":1}', '{"Exp":1}', '{"exp":1e400}']) {
  add(`payload ${payload}`, 'secret', raw(payload));
  add(`payload ${payload}, no typ`, 'secret', raw(payload, { alg: 'HS256' }));
  add(`payload ${payload}, an audience`, 'secret', raw(payload), { audience: 'a' });
}
add('typ in lower case', 'secret', raw('notjson', { alg: 'HS256', typ: 'jwt' }));
add('crit', 'secret', raw('{}', { alg: 'HS256', typ: 'JWT', crit: ['exp'] }));
add('jku, x5u, jwk', 'secret', raw('{}', { alg: 'HS256', jku: 'http://x', x5u: 'http://x', jwk: {} }));

const claims = (note, change, options) => add(note, 'secret', sign('HS256', { ...std, ...change }), options);
for (const [name, v] of [['exp', now], ['exp', now - 1], ['exp', now + 1], ['exp', now + 0.5], ['exp', 'soon'], ['exp', null], ['exp', 0], ['exp', -1], ['exp', true],
  ['nbf', now], ['nbf', now + 1], ['nbf', now + 0.5], ['nbf', 'x'], ['nbf', null], ['iat', now + 1000], ['iat', 'x']]) {
  claims(`${name} ${v}`, { [name]: v });
  claims(`${name} ${v}, tolerance 10`, { [name]: v }, { clockTolerance: 10 });
  claims(`${name} ${v}, ignored`, { [name]: v }, { ignoreExpiration: true, ignoreNotBefore: true });
}
for (const audience of ['app1', 'app2', ['app2', 'app1'], ['a', 'b'], [], '', null, ['']]) {
  for (const aud of ['app1', ['x', 'app1'], [], '', null, 5, undefined, 'undefined', ['']]) claims(`audience ${JSON.stringify(audience)}, aud ${JSON.stringify(aud)}`, { aud }, { audience });
}
for (const issuer of ['https://iss', 'x', ['x', 'https://iss'], ['x', 'y'], [], '', null]) {
  for (const iss of ['https://iss', undefined, null, ['https://iss'], '']) claims(`issuer ${JSON.stringify(issuer)}, iss ${JSON.stringify(iss)}`, { iss }, { issuer });
}
for (const [option, claim] of [['subject', 'sub'], ['jwtid', 'jti'], ['nonce', 'nonce']]) {
  for (const want of ['alice', 'j1', 'n1', '']) {
    claims(`${option} ${want}`, {}, { [option]: want });
    claims(`${option} ${want}, no ${claim}`, { [claim]: undefined }, { [option]: want });
  }
}
claims('nonce blank', {}, { nonce: ' ' });
for (const maxAge of [100, 101, 99, '100s', '101s', '1h', '2 days', '101000', '99 seconds', '1.5m', '.5h', '-1s', '', 0, 'zzz', '1 fortnight', '1y', '1 WEEK', '1d ', true, -5]) {
  claims(`maxAge ${maxAge}`, {}, { maxAge });
  claims(`maxAge ${maxAge}, tolerance 1`, {}, { maxAge, clockTolerance: 1 });
  claims(`maxAge ${maxAge}, no iat`, { iat: undefined }, { maxAge });
}
claims('maxAge, iat with a fraction', { iat: now - 100.5 }, { maxAge: '101s' });
claims('clockTimestamp', {}, { clockTimestamp: now + 100 });
claims('clockTimestamp before', { exp: 1000 }, { clockTimestamp: 999 });
claims('clockTimestamp 0', { exp: 1000 }, { clockTimestamp: 0 });
for (const algorithms of ['HS256', ['HS256'], ['HS384'], [], '', null, ['none'], ['HS256', 'none']]) claims(`algorithms ${JSON.stringify(algorithms)}`, {}, { algorithms });
claims('complete', {}, { complete: true });
claims('options null', {}, null);

process.stdout.write(`{"now":${now},\n"keys":${JSON.stringify(keys)},\n"cases":[\n${cases.map((c) => JSON.stringify(c)).join(',\n')}]}\n`);
