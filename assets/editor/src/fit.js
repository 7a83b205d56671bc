// What may be left out when a call is too long, as a list of steps.
import {element, labelled, over, parsed, select, write} from './forms.js';
import {button} from './rows.js';

const KINDS = [['drop', 'leave out message'], ['trim', 'shorten the conversation'], ['truncate', 'cut the text']];

function kindOf(step) {
    const kinds = KINDS.map(([name]) => name).filter((name) => name in step);
    return kinds.length === 1 ? kinds[0] : undefined;
}

function stepOf({kind, target, keep}) {
    if (kind === 'drop') {
        return {drop: Number(target) || 0};
    }
    return keep === '' ? {[kind]: target} : {[kind]: target, keep: Number(keep)};
}

function rowsOf(fit) {
    const steps = fit?.steps ?? [];
    if (!fit || typeof fit !== 'object' || !Array.isArray(steps) || !steps.every((step) => step && kindOf(step))) {
        return undefined;
    }
    return steps.map((step) => ({kind: kindOf(step), target: String(step[kindOf(step)]), keep: step.keep ?? ''}));
}

function drawRow(row, number, changed, remove) {
    const kind = select(KINDS, row.kind);
    const target = element('input', {type: 'text', value: row.target, placeholder: 'number or variable'});
    const keep = element('input', {type: 'number', min: '0', value: row.keep, placeholder: '0'});
    const update = () => {
        Object.assign(row, {kind: kind.value, target: target.value.trim(), keep: keep.value});
        keep.disabled = row.kind === 'drop';
        changed();
    };
    keep.disabled = row.kind === 'drop';
    [kind, target, keep].forEach((field) => field.addEventListener('input', update));
    return element('div', {className: 'p-field'}, labelled(`Step ${number}`, kind), labelled('Which', target),
        labelled('Keep at least (messages, tokens)', keep), button('Remove', `Remove step ${number}`, remove));
}

export function fit(area) {
    const draw = (box) => {
        const now = parsed(area, {}), rows = rowsOf(now);
        if (rows === undefined) {
            return false;
        }
        const limit = element('input', {type: 'number', min: '1', value: now.max_input_tokens ?? '', placeholder: 'the model’s window'});
        const list = element('div');
        const changed = () => {
            const made = limit.value === '' ? {} : {max_input_tokens: Number(limit.value)};
            if (rows.length) {
                made.steps = rows.map(stepOf);
            }
            write(area, made, !Object.keys(made).length);
        };
        const show = (row) => {
            const drawn = drawRow(row, rows.indexOf(row) + 1, changed, () => {
                rows.splice(rows.indexOf(row), 1);
                drawn.remove();
                changed();
                add.focus();
            });
            list.append(drawn);
            return drawn;
        };
        const add = button('Add step', '', () => {
            rows.push({kind: 'drop', target: '', keep: ''});
            show(rows.at(-1)).querySelector('select').focus();
        });
        limit.addEventListener('input', changed);
        rows.forEach(show);
        box.append(labelled('Input tokens at most', limit), list, add);
        return true;
    };
    return over(area, 'When it is too long', draw);
}
