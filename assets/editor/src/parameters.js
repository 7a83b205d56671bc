// Model parameters that have a field of their own; all others stay in the JSON.
import {labelled, element, over, parsed, select, write} from './forms.js';

const NUMBERS = [
    ['temperature', 'Temperature', 0.1], ['max_tokens', 'Max tokens', 1], ['top_p', 'Top p', 0.05], ['seed', 'Seed', 1],
    ['presence_penalty', 'Presence penalty', 0.1], ['frequency_penalty', 'Frequency penalty', 0.1],
];
const EFFORTS = [['', 'the model’s own'], ...['none', 'minimal', 'low', 'medium', 'high'].map((one) => [one, one])];
const CHOICES = [['', 'the model decides'], ['"none"', 'none'], ['"auto"', 'auto'], ['"required"', 'at least one']];
const PARALLEL = [['', 'the model’s own'], ['true', 'yes'], ['false', 'no']];

function set(area, name, value) {
    const now = parsed(area, {}) ?? {};
    delete now[name];
    if (value !== '' && value !== undefined) {
        now[name] = value;
    }
    write(area, now, !Object.keys(now).length);
}

function capName(now) {
    return 'max_completion_tokens' in now ? 'max_completion_tokens' : 'max_tokens';
}

function numberField(area, now, [name, label, step]) {
    const key = name === 'max_tokens' ? capName(now) : name;
    const field = element('input', {type: 'number', step: String(step), value: now[key] ?? '', placeholder: 'default'});
    field.addEventListener('input', () => set(area, key, field.value === '' ? '' : Number(field.value)));
    return labelled(label, field);
}

function stopField(area, now) {
    const stops = [now.stop ?? []].flat();
    const field = element('input', {type: 'text', value: stops.join(', '), placeholder: 'none'});
    field.addEventListener('input', () => {
        const found = field.value.split(',').map((one) => one.trim()).filter(Boolean);
        set(area, 'stop', found.length ? found : '');
    });
    return labelled('Stop at (separated by commas)', field);
}

// A select of JSON values: the words of a named tool's choice are its own.
function choice(area, now, name, options) {
    const value = JSON.stringify(now[name]) ?? '', known = options.some(([one]) => one === value);
    const named = known ? [] : [[value, `call ${now[name]?.function?.name ?? value}`]];
    const field = select([...options, ...named], value);
    field.addEventListener('change', () => set(area, name, field.value && JSON.parse(field.value)));
    return field;
}

function isShowable(now) {
    const stops = [now.stop ?? []].flat();
    return NUMBERS.every(([name]) => now[name] === undefined || typeof now[name] === 'number')
        && stops.every((one) => typeof one === 'string' && one === one.trim() && one && !one.includes(','));
}

export function parameters(area) {
    return over(area, 'Parameters', (box) => {
        const now = parsed(area, {});
        if (now === undefined || typeof now !== 'object' || !isShowable(now)) {
            return false;
        }
        const effort = select(EFFORTS, now.reasoning_effort ?? '');
        effort.addEventListener('change', () => set(area, 'reasoning_effort', effort.value));
        box.append(
            ...NUMBERS.map((row) => numberField(area, now, row)),
            stopField(area, now), labelled('Reasoning effort', effort),
            labelled('Calls of tools', choice(area, now, 'tool_choice', CHOICES)),
            labelled('Several calls at once', choice(area, now, 'parallel_tool_calls', PARALLEL)),
        );
        return true;
    });
}
