(function (jsonata) {
    "use strict";
    // JSONata throws plain objects. What they say at compile time quotes the expression; at run time it
    // quotes data, so only the code and the place get out.
    function fault(e, compiling) {
        if (e === null || typeof e !== "object" || typeof e.code !== "string") return e;
        const at = e.position === undefined ? "" : ` at ${e.position}`;
        const error = new Error(compiling ? `${e.code}${at}: ${e.message}` : `${e.code}${at}`);
        error.name = "JSONataError";
        return error;
    }
    return (source) => {
        let expression;
        try {
            expression = jsonata(source);
        } catch (e) {
            throw fault(e, true);
        }
        // The bindings, though empty, give each evaluation a frame of its own; without them
        // variables would stay for the next one.
        return (data) => {
            try {
                return expression.evaluate(data, {});
            } catch (e) {
                throw fault(e, false);
            }
        };
    };
})
