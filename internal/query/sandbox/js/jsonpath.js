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
    return (source) => {
        const ownPaths = new Map([[source, parsePath(source)]]);
        const ownASTs = new Map();
        return (data) => {
            paths = ownPaths;
            asts = ownASTs;
            return jp.query(data, source);
        };
    };
})
