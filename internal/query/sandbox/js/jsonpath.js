(function (library) {
    "use strict";
    const { jp, filters } = library;
    // The library parses its path and each filter anew for every evaluation and every node.
    // Paths of this query and its filters are remembered; those that a script expression makes are not.
    const parsePath = jp.parser.parse.bind(jp.parser);
    const parseFilter = filters.parse;
    let paths = new Map();
    let asts = new Map();
    jp.parser.parse = (text) => (paths.get(text) ?? parsePath(text)).slice();
    filters.parse = (text) => {
        const known = asts.get(text);
        if (known) return known;
        const ast = parseFilter(text);
        if (asts.size < 16) asts.set(text, ast);
        return ast;
    };
    // Lax paths take a text, a number or a boolean for a list of it where they look for elements.
    let lax = false;
    const resolve = jp.handlers.resolve;
    const elements = (c) => c.scope === "child" && (c.operation === "subscript" || c.expression.type === "wildcard") &&
        ![c, ...[c.expression.value].flat()].some((part) => part?.expression?.type === "string_literal");
    jp.handlers.resolve = function (component) {
        const handler = resolve.call(this, component);
        if (!lax || !elements(component)) return handler;
        return (c, at, count) => handler(c, typeof at.value === "object" ? at : { ...at, value: [at.value] }, count);
    };
    return (text) => {
        const ownLax = text.startsWith("\u0001");
        const source = ownLax ? text.slice(1) : text;
        const ownPaths = new Map([[source, parsePath(source)]]);
        const ownASTs = new Map();
        return (data) => {
            lax = ownLax;
            paths = ownPaths;
            asts = ownASTs;
            return jp.query(data, source);
        };
    };
})
