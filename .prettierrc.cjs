// As OCA's template for 19.0. The plugin is found beside prettier (NODE_PATH), see tools/lint.sh.
module.exports = {
    plugins: [require.resolve("@prettier/plugin-xml")],
    bracketSpacing: false,
    printWidth: 88,
    proseWrap: "always",
    semi: true,
    trailingComma: "es5",
    xmlWhitespaceSensitivity: "preserve",
    tabWidth: 4,
};
