// Evaluated once in every VM. Its value takes what the VM is for, makes the realm one in which evaluations
// leave nothing behind and native loops stay short, and returns the functions that Go calls.
//
// QuickJS looks for an interrupt between steps of JavaScript and of regular expressions, never inside the
// loops of its built-ins: searching 8 MB for 4 MB takes hours, sorting new Array(2**32-1) minutes. The guards
// refuse such work by its size.
(function (kind, strangers, makeLibrary, makeEngine) {
    "use strict";
    const {
        apply, construct, ownKeys, getPrototypeOf, defineProperty, deleteProperty,
        getOwnPropertyDescriptor: describe,
    } = Reflect;
    const global = globalThis;
    const { freeze, keys } = Object;
    const { isArray } = Array;
    const { parse, stringify } = JSON;
    const ToBigInt = BigInt;
    const ScriptFunction = Function;
    const AsyncFunction = getPrototypeOf(async function () {}).constructor;
    const NativePromise = Promise;
    const resolve = (v) => NativePromise.resolve(v);
    const RegExpPrototype = RegExp.prototype;
    const then = NativePromise.prototype.then;

    const maxLength = 1 << 18; // elements of an array that a native loop walks
    const maxText = 1 << 20; // code units of a text that a native loop walks
    const maxSearch = 1 << 26; // comparisons of one text search
    const maxNodes = 1 << 17; // values in a result
    const maxDepth = 200; // query.ParseJSON stops at 256

    const scripts = kind === "script";

    // ---- guards

    function hidden(object, key, value) {
        defineProperty(object, key, { value, writable: true, enumerable: false, configurable: true });
    }

    // wrap replaces object[key] by a function that calls check before the native one, on the receiver that
    // check returns, if it does.
    function wrap(object, key, check) {
        const native = object[key];
        if (typeof native !== "function") return;
        const wrapped = {
            method(...args) {
                return apply(native, check(this, args) ?? this, args);
            },
        }.method;
        defineProperty(wrapped, "name", { value: native.name, configurable: true });
        hidden(object, key, wrapped);
    }

    function checkText(self) {
        if (typeof self === "object" && self !== null) self = String(self);
        if (typeof self === "string" && self.length > maxText) throw new RangeError("text too long");
        return self;
    }

    // plainRegExp says that v is searched for by the interruptible engine of regular expressions, and cannot
    // turn into something else between two looks.
    function plainRegExp(v) {
        return typeof v === "object" && v !== null && getPrototypeOf(v) === RegExpPrototype && ownKeys(v).length === 1;
    }

    function checkSearch(self, args) {
        let needle = args[0];
        if (plainRegExp(needle)) return;
        if (typeof needle === "object" || typeof needle === "function") args[0] = needle = String(needle);
        const length = typeof needle === "string" ? needle.length : 32;
        // A receiver that is no text must not say another one when the native function asks again.
        const text = typeof self === "object" && self !== null ? String(self) : self;
        if (typeof text === "string" && text.length * length > maxSearch) throw new RangeError("text search too large");
        return text;
    }

    function checkArray(self) {
        if (typeof self === "string") return void checkText(self);
        if (self === null || typeof self !== "object" && typeof self !== "function") return;
        if (isArray(self)) {
            if (self.length > maxLength) throw new RangeError("array too long");
            return;
        }
        // Anything else has to say its length in a way that cannot change between two looks.
        const d = describe(self, "length");
        const length = d ? d.value : "length" in self ? NaN : 0;
        if (typeof length !== "number" || !(length <= maxLength)) throw new RangeError("array too long");
    }

    function guardTexts() {
        for (const key of ["indexOf", "lastIndexOf", "includes", "split", "replace", "replaceAll"]) {
            wrap(String.prototype, key, checkSearch);
        }
        for (const key of ["normalize", "localeCompare", "toLowerCase", "toUpperCase"]) {
            wrap(String.prototype, key, checkText);
        }
        for (const key of ["encodeURI", "encodeURIComponent", "decodeURI", "decodeURIComponent", "escape", "unescape"]) {
            wrap(global, key, (_, args) => { args[0] = checkText(args[0]); });
        }
    }

    function guardArrayConstructor() {
        const Native = Array;
        const Guarded = function Array(...args) {
            if (args.length === 1 && typeof args[0] === "number" && args[0] > maxLength) {
                throw new RangeError("array too long");
            }
            return construct(Native, args, new.target || Native);
        };
        for (const key of ownKeys(Native)) defineProperty(Guarded, key, describe(Native, key));
        Guarded.from = function from(items, ...rest) {
            if (items !== null && items !== undefined && items[Symbol.iterator] === undefined) checkArray(items);
            return apply(Native.from, Native, [items, ...rest]);
        };
        hidden(Native.prototype, "constructor", Guarded);
        hidden(global, "Array", Guarded);
    }

    function guardArrays() {
        const unguarded = new Set(["constructor", "length", "push", "pop", "at", "keys", "values", "entries", "flat",
            Symbol.iterator]);
        // Natively, an array that holds another one twice, forty levels deep, is flattened for days.
        hidden(Array.prototype, "flat", function flat(depth = 1) {
            checkArray(this);
            const out = [];
            (function walk(list, depth) {
                for (let i = 0; i < list.length; i++) {
                    if (isArray(list[i]) && depth >= 1) walk(list[i], depth - 1);
                    else if (i in list) out.push(list[i]);
                }
            })(this, Number(depth) || 0);
            return out;
        });
        for (const key of ownKeys(Array.prototype)) {
            if (unguarded.has(key)) continue;
            wrap(Array.prototype, key, (self, args) => {
                checkArray(self);
                if (key === "concat") for (let i = 0; i < args.length; i++) checkArray(args[i]);
            });
        }
        // Native loops over an iterator call next: as a function of JavaScript, it makes them interruptible.
        wrap(getPrototypeOf([][Symbol.iterator]()), "next", () => {});
        wrap(String, "raw", (_, args) => { checkArray(args[0].raw); });
        // A replacer makes every value a call, and calls are interruptible.
        const same = (_, v) => v;
        hidden(JSON, "stringify", function (value, replacer, space) {
            checkArray(replacer);
            return stringify(value, replacer ?? same, space);
        });
        // A Proxy lies about lengths; the sorts and searches of binary arrays are native loops.
        for (const name of ["Proxy", "SharedArrayBuffer", "ArrayBuffer", "DataView", "Atomics", "WeakRef", "FinalizationRegistry",
            "Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array",
            "BigInt64Array", "BigUint64Array", "Float16Array", "Float32Array", "Float64Array"]) {
            deleteProperty(global, name);
        }
    }

    // ---- what scripts find beside the language

    let timers = [];
    function addScriptGlobals() {
        // Time does not pass for a script: timers fire in their order as soon as nothing else is to be done.
        let id = 0;
        hidden(global, "setTimeout", function setTimeout(callback, delay, ...args) {
            if (typeof callback !== "function") throw new TypeError("setTimeout: not a function");
            timers.push({ id: ++id, at: Number(delay) || 0, run: () => callback(...args) });
            return id;
        });
        hidden(global, "clearTimeout", function clearTimeout(id) {
            timers = timers.filter((t) => t.id !== id);
        });
        const console = {};
        for (const key of ["log", "info", "warn", "error", "debug"]) console[key] = function () {};
        hidden(global, "console", console);
    }

    function fireTimer() {
        let first;
        for (const t of timers) if (!first || t.at < first.at) first = t;
        if (!first) return false;
        timers = timers.filter((t) => t !== first);
        for (const t of timers) t.at -= first.at;
        first.run();
        return true;
    }

    // ---- lockdown

    // Objects that only syntax reaches.
    function* reachableBySyntax() {
        yield function* () {};
        yield async function () {};
        yield async function* () {};
        yield (function* () {})();
        yield (async function* () {})();
        yield [][Symbol.iterator]();
        yield ""[Symbol.iterator]();
        yield new Map()[Symbol.iterator]();
        yield new Set()[Symbol.iterator]();
        yield "".matchAll(/x/g);
        yield (function () { return arguments; })();
        if (typeof Iterator === "function") {
            yield Iterator.from({ next() {} });
            yield [].values().map((x) => x);
        }
    }

    // Assigning to a property whose namesake further up is frozen fails in JavaScript. These accessors define
    // the property on the object at hand instead: results may have a member "toString".
    function overridable(proto, names) {
        for (const name of names) {
            const d = describe(proto, name);
            if (!d || !("value" in d)) continue;
            const { value } = d;
            defineProperty(proto, name, {
                get() { return value; },
                set(v) {
                    if (this === proto || Object(this) !== this) throw new TypeError("read-only property");
                    defineProperty(this, name, { value: v, writable: true, enumerable: true, configurable: true });
                },
                enumerable: false,
                configurable: false,
            });
        }
    }

    function lockdown() {
        // Hooks that the engine keeps outside any object.
        for (const key of ["prepareStackTrace", "stackTraceLimit"]) deleteProperty(Error, key);
        for (const key of ["__proto__", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__"]) {
            deleteProperty(Object.prototype, key);
        }
        const functions = [ScriptFunction, AsyncFunction,
            getPrototypeOf(function* () {}).constructor, getPrototypeOf(async function* () {}).constructor];
        if (!scripts) {
            // Queries call methods of their data; none of them may lead to code.
            for (const C of [...functions, Object, Array, String, Number, Boolean, RegExp, Date, Error]) {
                deleteProperty(C.prototype, "constructor");
            }
        } else if (strangers) {
            // The arithmetic of big integers cannot be interrupted. Their literals are refused when a script is
            // compiled, so nothing may make code later on.
            for (const C of functions) deleteProperty(C.prototype, "constructor");
            deleteProperty(global, "BigInt");
        }
        if (!scripts || strangers) for (const name of ["Function", "eval"]) deleteProperty(global, name);
        overridable(Object.prototype, ownKeys(Object.prototype).filter((k) => typeof k === "string"));
        overridable(ScriptFunction.prototype, ["toString", "constructor"]);
        for (const C of [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]) {
            overridable(C.prototype, ["name", "message", "toString", "constructor"]);
        }

        // The global object itself stays extensible for scripts: sloppy code makes globals, which tidy deletes.
        const seen = new Set([global]);
        const queue = [];
        const add = (v) => {
            if ((typeof v === "object" && v !== null || typeof v === "function") && !seen.has(v)) {
                seen.add(v);
                queue.push(v);
            }
        };
        for (const key of ownKeys(global)) {
            add(describe(global, key).value);
            defineProperty(global, key, { writable: false, configurable: false });
        }
        add(getPrototypeOf(global));
        for (const o of reachableBySyntax()) add(getPrototypeOf(o));
        for (const f of functions) add(f);
        for (let o; (o = queue.pop());) {
            freeze(o);
            add(getPrototypeOf(o));
            for (const key of ownKeys(o)) {
                const d = describe(o, key);
                add(d.value);
                add(d.get);
                add(d.set);
            }
        }
        if (!scripts) freeze(global);
    }

    // ---- data

    // place puts a big integer, of which JSON.parse made a number, into data. JSONata takes a BigInt for something missing
    // or false, so that an expression of it that meets one fails.
    function place(data, path, digits) {
        const get = () => {
            if (kind === "jsonata") throw new RangeError("an integer beyond 2^53");
            return ToBigInt(digits);
        };
        if (path.length === 0) return get();
        let o = data;
        for (let i = 0; i < path.length - 1; i++) o = o[path[i]];
        const key = path[path.length - 1];
        if (kind === "jsonata") defineProperty(o, key, { get, enumerable: true, configurable: true });
        else o[key] = get();
        return data;
    }

    // ---- results

    const bigLimit = ToBigInt(2) ** ToBigInt(1024);
    function checkBig(v) {
        if (v >= bigLimit || v <= -bigLimit) throw new RangeError("number out of range");
        bigs = true;
        return v;
    }

    let bigs = false; // in the result
    let budget = 0;
    function write(v, depth) {
        if (--budget < 0) throw new RangeError("result too large");
        if (depth > maxDepth) throw new RangeError("result nested too deeply");
        if (v !== null && typeof v === "object" && typeof v.toJSON === "function") v = v.toJSON();
        switch (typeof v) {
        case "string":
            return stringify(v);
        case "number":
            return v - v === 0 ? "" + v : "null";
        case "bigint":
            return "" + checkBig(v);
        case "boolean":
            return v ? "true" : "false";
        case "object":
            break;
        default:
            return undefined;
        }
        if (v === null) return "null";
        let out = "";
        if (isArray(v)) {
            for (let i = 0; i < v.length; i++) out += (i ? "," : "") + (write(v[i], depth + 1) ?? "null");
            return "[" + out + "]";
        }
        for (const key of keys(v)) {
            const text = write(v[key], depth + 1);
            if (text !== undefined) out += (out ? "," : "") + stringify(key) + ":" + text;
        }
        return "{" + out + "}";
    }

    // encode returns v so that Go can tell text (s…) from JSON (j…, or i… with big integers); other scalars are themselves.
    function encode(v) {
        switch (typeof v) {
        case "string":
            return "s" + v;
        case "bigint":
            return checkBig(v);
        case "number":
        case "boolean":
        case "undefined":
            return v;
        case "object":
            if (v === null) return null;
            budget = maxNodes;
            bigs = false;
            const text = write(v, 0);
            return text === undefined ? undefined : (bigs ? "i" : "j") + text;
        }
        return undefined; // functions, symbols
    }

    // ---- what Go calls

    if (kind === "script") {
        guardArrays();
        guardArrayConstructor();
        addScriptGlobals();
    } else {
        guardArrayConstructor();
    }
    guardTexts();
    // Handlebars makes functions of its templates. The others may look for the global object while they load;
    // later on, jsonpath would run the function expressions of a filter.
    let loading = true;
    const LibraryFunction = function (...args) {
        if (!loading && kind !== "handlebars") throw new TypeError("code from text is not allowed");
        return construct(ScriptFunction, args);
    };
    const library = makeLibrary && makeLibrary(LibraryFunction);
    const compileSource = makeEngine(library, { ScriptFunction, AsyncFunction });
    loading = false;
    lockdown();
    const baseline = new Set(ownKeys(global));
    const globalProto = getPrototypeOf(global);

    const compiled = new Map();
    let state = "idle"; // running, done, failed
    let value;

    function begin(promise) {
        state = "running";
        apply(then, promise, [(v) => { state = "done"; value = v; }, (e) => { state = "failed"; value = e; }]);
    }

    return {
        compile(id, source) { compiled.set(id, compileSource(source)); },
        drop(id) { compiled.delete(id); },
        // run returns an encoded result, or "p": drain the jobs, then settle.
        run(id, text, integers) {
            let data = text === "" ? undefined : parse(text);
            if (integers !== "") for (const [path, digits] of parse(integers)) data = place(data, path, digits);
            const r = compiled.get(id)(data);
            if (r !== null && typeof r === "object" && typeof r.then === "function") {
                begin(resolve(r));
                return "p";
            }
            return encode(r);
        },
        settle() {
            if (state === "running") {
                if (fireTimer()) return "p";
                throw new TypeError("the promise is never settled");
            }
            const failed = state === "failed";
            const v = value;
            state = "idle";
            value = undefined;
            if (failed) throw v;
            return encode(v);
        },
        // tidy undoes what an evaluation did to the realm, and reports whether it could.
        tidy() {
            state = "idle";
            value = undefined;
            timers = [];
            const now = ownKeys(global);
            let clean = getPrototypeOf(global) === globalProto;
            if (now.length !== baseline.size) {
                for (const key of now) if (!baseline.has(key)) clean = deleteProperty(global, key) && clean;
            }
            return clean;
        },
    };
})
