// The browser holds an http-only cookie and nothing else: who is logged in is asked, and the API is called as if it were open.
const at = (id) => document.getElementById(id);

const start = async () => {
  const res = await fetch('/oauth/userinfo');
  const loggedIn = res.ok;
  const person = loggedIn ? await res.json() : {};
  at('who').textContent = loggedIn ? `Hello, ${person.name ?? person.sub}.` : 'You are not logged in.';
  at('login').hidden = loggedIn;
  at('logout').hidden = at('call').hidden = !loggedIn;
};

at('call').addEventListener('click', async () => {
  const res = await fetch('/api/me');
  if (res.status === 401) { // the session has ended meanwhile
    await start();
    return;
  }
  at('result').textContent = await res.text();
});

start();
