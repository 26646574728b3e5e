// Writes what jsonata answers under node: node reference.js < table.json > new.json
// A table is {data, cases: [{e: expression}]}; each case gets r, its result as JSON, nothing for undefined, or
// err, the code of its error.
const jsonata = require('jsonata');

async function main() {
    const { data, cases } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
    const out = [];
    for (const { e } of cases) {
        const c = { e };
        try {
            c.r = await jsonata(e).evaluate(structuredClone(data), {});
            if (typeof c.r === 'function') delete c.r;
        } catch (err) {
            c.err = err.code ?? err.name;
        }
        out.push(c);
    }
    const lines = out.map((c) => '    ' + JSON.stringify(c));
    process.stdout.write(`{\n  "data": ${JSON.stringify(data)},\n  "cases": [\n${lines.join(',\n')}\n  ]\n}\n`);
}

main();
