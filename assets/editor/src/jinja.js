// Colours and completion of prompts' templates: Jinja, as far as the engine knows it.
import {HighlightStyle, StreamLanguage, syntaxHighlighting} from '@codemirror/language';
import {tags} from '@lezer/highlight';

const OPEN = /\{[{%]-?/, CLOSE = /-?[}%]\}/;

function startState() {
    return {inside: false, comment: false, afterBar: false, first: false};
}

function text(stream, state) {
    if (stream.match('{#')) {
        state.comment = true;
        return 'comment';
    }
    const open = stream.match(OPEN);
    if (open) {
        Object.assign(state, {inside: true, first: open[0][1] === '%'});
        return 'brace';
    }
    stream.next();
    stream.eatWhile((character) => character !== '{');
    return null;
}

function word(state, found, keywords) {
    const isFilter = state.afterBar, isFirst = state.first;
    Object.assign(state, {afterBar: false, first: false});
    if (isFilter) {
        return 'filter';
    }
    return isFirst || keywords.has(found) ? 'keyword' : 'variableName';
}

function code(stream, state, keywords) {
    if (stream.match(CLOSE)) {
        state.inside = state.afterBar = false;
        return 'brace';
    }
    if (stream.eatSpace()) {
        return null;
    }
    if (stream.match(/"[^"]*"?|'[^']*'?/)) {
        return 'string';
    }
    if (stream.match(/\d+(\.\d+)?/)) {
        return 'number';
    }
    const found = stream.match(/[A-Za-z_]\w*/);
    if (found) {
        return word(state, found[0], keywords);
    }
    state.afterBar = stream.next() === '|';
    return 'operator';
}

function comment(stream, state) {
    if (stream.skipTo('#}')) {
        stream.match('#}');
        state.comment = false;
    } else {
        stream.skipToEnd();
    }
    return 'comment';
}

const style = HighlightStyle.define([
    {tag: tags.comment, color: 'var(--l-muted)', fontStyle: 'italic'},
    {tag: tags.brace, color: 'var(--l-muted)'},
    {tag: tags.keyword, color: 'var(--l-warn)', fontWeight: '600'},
    {tag: tags.variableName, color: 'var(--l-accent)', fontWeight: '600'},
    {tag: tags.function(tags.name), color: 'var(--l-ok)'},
    {tag: tags.string, color: 'var(--l-ok)'},
    {tag: tags.number, color: 'var(--l-ok)'},
    {tag: tags.operator, color: 'var(--l-muted)'},
]);

export function jinja(words) {
    const keywords = new Set(words.keywords);
    const language = StreamLanguage.define({
        startState,
        token: (stream, state) => state.comment
            ? comment(stream, state)
            : state.inside ? code(stream, state, keywords) : text(stream, state),
        tokenTable: {filter: tags.function(tags.name)},
    });
    return [language, syntaxHighlighting(style)];
}

// What may stand at the end of `before`; null outside of a tag.
function expected(before) {
    const open = Math.max(before.lastIndexOf('{{'), before.lastIndexOf('{%'));
    if (open < 0 || CLOSE.test(before.slice(open + 2))) {
        return null;
    }
    const written = before.slice(open + 2).replace(/\w*$/, '');
    if (/\|\s*$/.test(written)) {
        return 'filters';
    }
    if (/\bis\s+(not\s+)?$/.test(written)) {
        return 'tests';
    }
    return before[open + 1] === '%' && /^-?\s*$/.test(written) ? 'statements' : 'names';
}

const KINDS = {filters: 'function', tests: 'keyword', statements: 'keyword', names: 'variable'};

export function completions(words, names) {
    return (context) => {
        const line = context.state.doc.sliceString(Math.max(0, context.pos - 2000), context.pos);
        const kind = expected(line);
        const typed = context.matchBefore(/\w*/);
        if (!kind || (typed.from === typed.to && !context.explicit && !/[{|]\s?$/.test(line))) {
            return null;
        }
        const found = kind === 'names'
            ? names().map(({name, type}) => ({label: name, type: 'variable', detail: type}))
            : words[kind].map((label) => ({label, type: KINDS[kind]}));
        return {from: typed.from, options: found, validFor: /^\w*$/};
    };
}
