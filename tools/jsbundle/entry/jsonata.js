module.exports = require('jsonata');
