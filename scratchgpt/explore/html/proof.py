"""The section of proofs: what was checked, and how large the errors are."""

from scratchgpt.explore.cards import TOLERANCE
from scratchgpt.explore.content import Content
from scratchgpt.explore.html.text import Links, escape
from scratchgpt.explore.proof import pytorch_errors


def proof_html(content: Content, links: Links) -> str:
    """Return the section."""
    if not content.proofs:
        body = "<p>The loss of this step is not finite, so its gradients cannot be checked.</p>"
        return f'<section id="proof" class="view"><h2>The proof</h2>{body}</section>'
    peer = pytorch_errors()
    errors = {op: f"{error:.1e}" if error else "0" for op, error in peer["errors"].items()}
    rows = "".join(
        f'<tr><th scope="row">{escape(p.what)}</th><td>{p.method}</td><td>{p.worst:.1e}</td>'
        f"<td>{'passed' if p.passed else '<strong>failed</strong>'}</td>"
        f"<td>{errors.get(p.what, '')}</td></tr>"
        for p in content.proofs
    )
    return (
        '<section id="proof" class="view"><h2>The proof</h2><ul>'
        "<li>The step was run twice, with and without the observer. Loss and gradients are equal "
        "bit for bit.</li>"
        f"<li>{content.n_checked:,} arrays that the operations keep inside or return were "
        "recomputed by the formulas on this page and compared with the recorded ones. The largest "
        f"difference is {content.worst:.1e} of the largest element. Above {TOLERANCE:.0e}, this "
        "page would not have been written.</li>"
        f"<li>{content.n_followed:,} numbers can be followed. "
        '<button type="button" id="check" class="script">Recompute all of them here</button> '
        '<output id="checked"></output></li></ul>'
        "<p>Each operation was checked by complex step in float64 on the numbers of this step, and "
        "each parameter of the whole model by the adjoint identity. "
        f"{links.page('guides/verifier', 'How the checks work')}</p>"
        "<p>The last column is the largest relative difference between an operation and PyTorch "
        f"{peer['torch']} in float64: of its output and its gradients, over all cases of the "
        "parity tests, those included whose rows are all equal or very large. They measured it on "
        f'<span class="date">{peer["date"]}</span>.</p>'
        '<div class="scroll"><table class="numbers"><thead><tr><th>what</th><th>method</th>'
        "<th>worst relative error</th><th></th><th>from PyTorch</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div></section>"
    )
