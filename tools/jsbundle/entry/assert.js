// What jsonpath uses of node's assert.
function ok(value, message) {
    if (!value) throw new Error(message);
}
function equal(a, b, message) {
    if (a != b) throw new Error(message);
}
module.exports = { ok, equal };
