/* Shows of each check only the fields that its kind needs. Without this, all of them are there. */
'use strict';
{
    const NEEDS = {
        'equals': ['value'], 'contains-all': ['value'], 'contains-any': ['value'],
        'icontains-all': ['value'], 'icontains-any': ['value'], 'starts-with': ['value'],
        'regex': ['value'], 'is-json': [], 'json-schema': ['value'],
        'json-field-equals': ['path', 'value'], 'length': ['minimum', 'maximum'],
        'levenshtein': ['value', 'threshold'], 'numeric-close': ['value', 'maximum'],
        'is-refusal': [], 'latency': ['maximum'], 'cost': ['maximum'],
        'tokens': ['minimum', 'maximum'], 'tool-call-valid': ['value'],
        'judge-rubric': ['value', 'judge', 'threshold'],
        'judge-pairwise': ['value', 'judge', 'threshold'], 'human': ['value', 'threshold'],
    };
    const OPTIONAL = ['value', 'path', 'minimum', 'maximum', 'threshold', 'judge'];

    function show(select) {
        const needed = NEEDS[select.value];
        const check = select.closest('.inline-related');
        for (const name of OPTIONAL) {
            const field = check?.querySelector(`[id$="-${name}"]`);
            const box = field?.closest('.fieldBox')?.parentElement ?? field?.closest('.form-row');
            box?.classList.toggle('e-hidden', Boolean(needed) && !needed.includes(name) && !field.value);
        }
        for (const row of check?.querySelectorAll('.form-row') ?? []) {
            const boxes = [...row.querySelectorAll('.fieldBox')].map((box) => box.parentElement);
            const empty = boxes.length && boxes.every((box) => box.classList.contains('e-hidden'));
            row.classList.toggle('e-hidden', Boolean(empty) || row.classList.contains('e-hidden') && !boxes.length);
        }
    }

    function showAll() {
        document.querySelectorAll('.inline-related select[id$="-kind"]').forEach(show);
    }

    document.addEventListener('change', (event) => {
        if (event.target.matches('.inline-related select[id$="-kind"]')) {
            show(event.target);
        }
    });
    document.addEventListener('formset:added', showAll);
    document.addEventListener('DOMContentLoaded', showAll);
}
