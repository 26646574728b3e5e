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
    // Node's Buffer, which JSONata's own use: one byte a UTF-16 unit, both alphabets, and what is in neither passed over.
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    function base64encode(text) {
        if (text === undefined) return undefined;
        let out = "";
        for (let i = 0; i < text.length; i += 3) {
            const left = text.length - i;
            const n = (text.charCodeAt(i) & 255) << 16 | (left > 1 ? text.charCodeAt(i + 1) & 255 : 0) << 8 | (left > 2 ? text.charCodeAt(i + 2) & 255 : 0);
            out += alphabet[n >> 18] + alphabet[n >> 12 & 63] + (left > 1 ? alphabet[n >> 6 & 63] : "=") + (left > 2 ? alphabet[n & 63] : "=");
        }
        return out;
    }
    function base64decode(text) {
        if (text === undefined) return undefined;
        let out = "", bits = 0, n = 0;
        for (let c of text) {
            if (c === "=") break;
            if (c === "-") c = "+";
            if (c === "_") c = "/";
            const v = alphabet.indexOf(c);
            if (v < 0) continue;
            n = (n << 6 | v) & 0xffff;
            bits += 6;
            if (bits >= 8) {
                bits -= 8;
                out += String.fromCharCode(n >> bits & 255);
            }
        }
        return out;
    }
    return (source) => {
        let expression;
        try {
            expression = jsonata(source);
            expression.registerFunction("base64encode", base64encode, "<s-:s>");
            expression.registerFunction("base64decode", base64decode, "<s-:s>");
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
