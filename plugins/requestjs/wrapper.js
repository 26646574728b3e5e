const { req, configToken, plugin, parentReqInfo } = data;
const res = {
  statusCode: 500, statusMessage: "", body: "", cookies: [], clearCookies: [], headers: {}, authenticationData: {},
  cookie(...args) { this.cookies.push(args); },
  clearCookie(...args) { this.clearCookies.push(args); },
  setHeader(name, value) { this.headers[name] = value; },
  setAuthenticationData(value) { this.authenticationData = value; },
  setAuthenticationDataValue(name, value) { this.authenticationData[name] = value; },
  setPlugin() {},
};
await (async function (req, res, configToken, plugin, parentReqInfo) {
/* snippet */
}).call(undefined, req, res, configToken, plugin, parentReqInfo);
return {
  statusCode: res.statusCode, body: res.body, cookies: res.cookies, clearCookies: res.clearCookies,
  headers: res.headers, authenticationData: res.authenticationData,
};
