(function (handlebars) {
    "use strict";
    // precompile reports a template's errors now; compile would at the first evaluation.
    return (source) => {
        const template = handlebars.compile(source);
        handlebars.precompile(source);
        return (data) => template(data);
    };
})
