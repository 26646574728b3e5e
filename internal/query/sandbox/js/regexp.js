// Evaluated once in every VM that tests regular expressions, instead of realm.js: nothing but RegExp runs here.
(function () {
    "use strict";
    const compiled = new Map();
    // QuickJS reads ES2025's modifiers and duplicate names, which the Node of external-auth-server refuses.
    function refuseNewer(pattern) {
        const syntax = pattern.replace(/\\[^]|\[(?:\\[^]|[^\]\\])*\]/g, "");
        if (/\(\?[a-z-]+:/.test(syntax)) throw new SyntaxError("invalid group");
        const names = syntax.match(/\(\?<(?![=!])[^>]*>/g) ?? [];
        if (new Set(names).size < names.length) throw new SyntaxError("duplicate group name");
    }
    return {
        compile(id, source) {
            const [pattern, flags] = JSON.parse(source);
            refuseNewer(pattern);
            compiled.set(id, new RegExp(pattern, flags));
        },
        drop(id) { compiled.delete(id); },
        run(id, text) {
            const re = compiled.get(id);
            re.lastIndex = 0; // of the flags g and y
            return re.test(JSON.parse(text));
        },
    };
})
