// An OpenID provider for tests. Its one argument is the file that it is configured by:
//   port, admin   where it listens, on 127.0.0.1
//   clients       metadata of clients (OpenID Connect Dynamic Client Registration 1.0, section 2)
//   accounts      claims by account: who may log in, by a button
//   ttl           lifetimes in seconds, by the names of oidc-provider: AccessToken, IdToken, RefreshToken ...
//   rotate        whether a refresh token is replaced when it is used; whoever uses a replaced one loses the grant
//   metadata      more members of the discovery document
//   settings      more of oidc-provider's own settings
// The admin port takes POST /config with new members of the same, /rotate (new signing keys), /fault, /skew and /backchannel,
// and answers GET /requests.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createMemoryAdapter } from './node_modules/oidc-provider/lib/adapters/memory_adapter.js';
import { Provider } from 'oidc-provider';

const config = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const issuer = `http://127.0.0.1:${config.port}`;
const adapter = createMemoryAdapter(60);
const escape = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const page = (title, body) => `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${body}</html>`;

const newKeys = () => [['rsa', { modulusLength: 2048 }, 'RS256'], ['ec', { namedCurve: 'P-256' }, 'ES256']].map(([kind, options, alg]) => ({
  ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg,
}));
let keys = newKeys();

function build() {
  const provider = new Provider(issuer, {
    adapter,
    clients: config.clients ?? [],
    jwks: { keys },
    cookies: { keys: ['a test'] },
    claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'locale', 'groups', 'filler', 'picture'], email: ['email', 'email_verified'] },
    scopes: ['openid', 'offline_access', 'profile', 'email'],
    conformIdTokenClaims: false, // claims are in the ID token, too, as with most providers
    acrValues: ['low', 'high'],
    clockTolerance: 60,
    ttl: { AccessToken: 3600, IdToken: 3600, RefreshToken: 86400, AuthorizationCode: 60, Interaction: 3600, Session: 86400, Grant: 86400, ...config.ttl },
    pkce: { required: (_, client) => client.clientAuthMethod === 'none' },
    rotateRefreshToken: () => config.rotate !== false,
    // Not only to those who asked for offline_access, and consented in a prompt.
    issueRefreshToken: async (_, client) => client.grantTypeAllowed('refresh_token'),
    findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id, ...config.accounts?.[id] }) }),
    async loadExistingGrant(ctx) { // nobody is asked for consent
      const { client, session, params } = ctx.oidc;
      const known = session.grantIdFor(client.clientId);
      const grant = (known && await ctx.oidc.provider.Grant.find(known))
        || new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope(params.scope);
      await grant.save();
      return grant;
    },
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      revocation: { enabled: true },
      registration: { enabled: true },
      registrationManagement: { enabled: true, rotateRegistrationAccessToken: false },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          ctx.body = page('Log out?', `${form}<button id="logout" form="op.logoutForm" name="logout" value="yes">Log out</button>`);
        },
        postLogoutSuccessSource: (ctx) => { ctx.body = page('Logged out', ''); },
      },
    },
    // The dispatcher that it passes refuses loopback addresses.
    fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
    renderError: (ctx, out) => {
      ctx.type = 'html';
      ctx.body = page('Error', `<pre id="error">${escape(JSON.stringify(out))}</pre>`);
    },
    discovery: config.metadata ?? {},
    ...config.settings,
  });
  for (const event of ['grant.success', 'grant.error']) {
    provider.on(event, (ctx, err) => Object.assign(ctx?.req?.entry ?? {}, { grant: ctx?.oidc?.params?.grant_type, error: err?.error }));
  }
  provider.on('server_error', (_, err) => console.error(err));
  provider.on('backchannel.error', (_, err) => console.error('back-channel logout:', err.message));
  return provider;
}

let provider = build();
let answer = provider.callback();
const real = Date.now;
let fault = {};
let requests = [];

const read = async (req) => {
  let text = '';
  for await (const chunk of req) text += chunk;
  return text;
};

async function interaction(req, res) {
  const { uid, params } = await provider.interactionDetails(req, res);
  if (req.method !== 'POST') {
    const buttons = Object.keys(config.accounts ?? {}).map((a) => `<button id="${escape(a)}" name="account" value="${escape(a)}">${escape(a)}</button>`);
    const refuse = '<button id="refuse" name="account" value="">Refuse</button>';
    res.setHeader('content-type', 'text/html');
    res.end(page('Log in', `<form method="post" action="/interaction/${uid}">${buttons.join(' ')} ${refuse}</form>`));
    return;
  }
  const accountId = new URLSearchParams(await read(req)).get('account');
  await provider.interactionFinished(req, res, accountId
    ? { login: { accountId, acr: params.acr_values?.split(' ')[0] } }
    : { error: 'access_denied', error_description: 'the person said no' }, { mergeWithLastSubmission: false });
}

createServer((req, res) => {
  const { pathname, search } = new URL(req.url, issuer);
  const entry = { method: req.method, path: pathname, query: search, auth: req.headers.authorization?.split(' ')[0] ?? '' };
  req.entry = entry;
  requests.push(entry);
  if (fault.mode && fault.times !== 0 && pathname.startsWith(fault.path ?? '/')) {
    if (fault.times) fault.times -= 1;
    switch (fault.mode) {
      case 'down': req.socket.destroy(); return;
      case 'html': res.setHeader('content-type', 'text/html'); res.end('<!DOCTYPE html><title>Maintenance</title>'); return;
      case 'status': res.statusCode = fault.status ?? 500; res.setHeader('content-type', 'application/json'); res.end(fault.body ?? '{}'); return;
      case 'slow': setTimeout(() => answer(req, res), fault.delay ?? 60000); return;
      // What was asked is done, and the answer is lost.
      case 'lost': res.write = () => true; res.end = () => { req.socket.destroy(); return res; }; break;
    }
  }
  if (pathname.startsWith('/interaction/')) {
    interaction(req, res).catch((err) => { res.statusCode = 400; res.end(page('Error', `<pre id="error">${escape(err.message)}</pre>`)); });
  } else {
    answer(req, res);
  }
}).listen(config.port, '127.0.0.1');

const controls = {
  'GET /requests': () => { const all = requests; requests = []; return all; },
  'POST /config': (more) => { Object.assign(config, more); },
  'POST /rotate': () => { keys = newKeys(); },
  'POST /fault': (f) => { fault = f; },
  'POST /skew': ({ seconds }) => { Date.now = () => real() + seconds * 1000; },
  'POST /backchannel': async ({ client, sub, sid }) => {
    await (await provider.Client.find(client)).backchannelLogout(sub, sid);
  },
};

createServer(async (req, res) => {
  const control = controls[`${req.method} ${req.url}`];
  try {
    if (!control) throw new Error(`no control ${req.method} ${req.url}`);
    const result = await control(JSON.parse(await read(req) || '{}'));
    if (req.url === '/config' || req.url === '/rotate') {
      provider = build();
      answer = provider.callback();
    }
    res.end(JSON.stringify(result ?? {}));
  } catch (err) {
    res.statusCode = 500;
    res.end(String(err.message));
  }
}).listen(config.admin, '127.0.0.1');
