(function (library, realm) {
    "use strict";
    const { ScriptFunction, AsyncFunction } = realm;
    // A script is compiled anew for each evaluation: whatever its functions, template literals and closures
    // remember ends with it.
    return (text) => {
        const { params, setup, body, result, async } = JSON.parse(text);
        const code = () => new (async ? AsyncFunction : ScriptFunction)(...params, body);
        const before = setup && new ScriptFunction(...params, setup);
        const after = result && new ScriptFunction(...params, `return ${result}`);
        code();
        return (inputs) => {
            if (before) before(...inputs);
            const out = code()(...inputs);
            if (!after) return out;
            if (async) return out.then(() => after(...inputs));
            return after(...inputs);
        };
    };
})
