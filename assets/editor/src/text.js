// One template: a textarea becomes an editor that writes back into it.
//
// The editor lives in a shadow root: there CodeMirror adopts its style sheets, which the policy
// allows, where it would otherwise write style elements, which the policy forbids.
import {autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap} from '@codemirror/autocomplete';
import {defaultKeymap, history, historyKeymap} from '@codemirror/commands';
import {bracketMatching} from '@codemirror/language';
import {lintGutter, lintKeymap, setDiagnostics} from '@codemirror/lint';
import {highlightSelectionMatches, search, searchKeymap} from '@codemirror/search';
import {Compartment, EditorState} from '@codemirror/state';
import {EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers} from '@codemirror/view';
import {completions, jinja} from './jinja.js';

const look = EditorView.theme({
    '&': {color: 'var(--l-text)', backgroundColor: 'var(--l-surface)', fontSize: '0.8125rem'},
    '&.cm-focused': {outline: '2px solid var(--l-accent)', outlineOffset: '1px'},
    '.cm-scroller': {fontFamily: 'var(--l-mono)', lineHeight: '1.55', maxHeight: '32rem', overflow: 'auto'},
    '.cm-content': {caretColor: 'var(--l-text)', padding: '8px 0', minHeight: '3.1em'},
    '.cm-cursor': {borderLeftColor: 'var(--l-text)'},
    '.cm-gutters': {color: 'var(--l-muted)', backgroundColor: 'var(--l-sunken)', borderRight: '1px solid var(--l-line)'},
    '.cm-activeLine, .cm-activeLineGutter': {backgroundColor: 'var(--l-sunken)'},
    '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {backgroundColor: 'var(--l-info-soft)'},
    '.cm-selectionMatch, &.cm-focused .cm-matchingBracket': {backgroundColor: 'var(--l-warn-soft)', color: 'inherit'},
    '.cm-tooltip, .cm-panels': {color: 'var(--l-text)', backgroundColor: 'var(--l-surface)', border: '1px solid var(--l-line-button)', borderRadius: '6px'},
    '.cm-tooltip-autocomplete ul li[aria-selected]': {color: '#fff', backgroundColor: 'var(--l-accent-fill)'},
    '.cm-tooltip-autocomplete ul li[aria-selected] .cm-completionDetail': {color: '#fff'},
    '.cm-completionDetail': {color: 'var(--l-muted)', fontStyle: 'normal'},
    '.cm-completionMatchedText': {textDecoration: 'none', fontWeight: '700'},
    '.cm-diagnostic': {padding: '4px 10px', whiteSpace: 'pre-wrap'},
    '.cm-diagnostic-error': {borderLeft: '4px solid var(--l-bad)'},
    '.cm-diagnostic-warning': {borderLeft: '4px solid var(--l-warn)'},
});

// What is typed over a selection. The browser would join the lines by itself, and keep their colours
// with style attributes, which the policy forbids.
function typeOver(event, view) {
    const {from, to, empty} = view.state.selection.main;
    if (event.inputType !== 'insertText' || !event.data || empty || view.composing) {
        return false;
    }
    const typed = () => view.state.update(
        view.state.replaceSelection(event.data), {userEvent: 'input.type', scrollIntoView: true},
    );
    const handlers = view.state.facet(EditorView.inputHandler); // brackets around a selection
    if (!handlers.some((handle) => handle(view, from, to, event.data, typed))) {
        view.dispatch(typed());
    }
    return true;
}

export class Text {
    constructor(area, {words, names, changed}) {
        this.area = area;
        this.changed = changed;
        this.label = new Compartment();
        const host = document.createElement('div');
        host.className = 'p-code';
        area.after(host);
        const root = host.attachShadow({mode: 'open'});
        this.host = host;
        this.view = new EditorView({parent: root, root, state: this.state(words, names)});
        area.hidden = true;
    }

    state(words, names) {
        return EditorState.create({
            doc: this.area.value,
            extensions: [
                lineNumbers(), highlightActiveLineGutter(), history(), drawSelection(),
                EditorView.lineWrapping, bracketMatching(), closeBrackets(), highlightActiveLine(),
                highlightSelectionMatches(), lintGutter(), jinja(words), look, search({top: true}),
                autocompletion({override: [completions(words, names)], interactionDelay: 0}),
                // No Tab: it moves on, as everywhere else.
                keymap.of([...closeBracketsKeymap, ...completionKeymap, ...lintKeymap, ...searchKeymap, ...historyKeymap,
                    // Ctrl+Enter is the page's own: it sets a run going.
                    ...defaultKeymap.filter((binding) => binding.key !== 'Mod-Enter')]),
                this.label.of([]), EditorView.domEventHandlers({beforeinput: typeOver}),
                EditorView.updateListener.of((update) => update.docChanged && this.written()),
            ],
        });
    }

    name(label) {
        const named = EditorView.contentAttributes.of({'aria-label': label, spellcheck: 'false'});
        this.view.dispatch({effects: this.label.reconfigure(named)});
    }

    written() {
        this.area.value = this.view.state.doc.toString();
        this.changed();
    }

    set(text) {
        this.view.dispatch({changes: {from: 0, to: this.view.state.doc.length, insert: text}});
    }

    // `marks`: [{line, column, length, severity, message}], lines and columns from 1.
    mark(marks) {
        const {doc} = this.view.state;
        const found = marks.map((mark) => {
            const line = doc.line(Math.min(Math.max(mark.line, 1), doc.lines));
            const from = Math.min(line.from + mark.column - 1, line.to);
            const to = mark.length ? Math.min(from + mark.length, line.to) : line.to;
            return {from, to, severity: mark.severity, message: mark.message};
        });
        this.view.dispatch(setDiagnostics(this.view.state, found));
    }
}
