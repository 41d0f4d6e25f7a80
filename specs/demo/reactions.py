"""Ninety-six chemical reactions in SMILES, written out from twelve textbook templates.

The `rxnfp` package ships models and no data, so the demo brings its own: each template is combined
with eight pairs of substituents. A substituent begins with the atom by which it is attached, and
the second of a pair closes its ring with 2 where the first uses 1, so that plain string
formatting gives valid SMILES. Reactions are written as the models were trained on them:
precursors joined by dots, `>>`, product.
"""

TEMPLATES: dict[str, str] = {
    "amide coupling": "O=C(O){a}.N{b}>>O=C(N{b}){a}",
    "acylation with an acid chloride": "CCN(CC)CC.ClCCl.O=C(Cl){a}.N{b}>>O=C(N{b}){a}",
    "Suzuki coupling": "Br{a}.OB(O){b}.O=C([O-])[O-].[Na+].[Na+]>>c1(-{b}){a_rest}",
    "reductive amination": "O=C{a}.N{b}.[BH4-].[Na+]>>C({a})N{b}",
    "ester hydrolysis": "CCOC(=O){a}.[Na+].[OH-]>>O=C(O){a}",
    "Fischer esterification": "CO.O=C(O){b}.O=S(=O)(O)O>>COC(=O){b}",
    "Boc deprotection": "CC(C)(C)OC(=O)N{a}.O=C(O)C(F)(F)F>>N{a}",
    "Boc protection": "CC(C)(C)OC(=O)OC(=O)OC(C)(C)C.N{b}>>CC(C)(C)OC(=O)N{b}",
    "sulfonamide formation": "O=S(=O)(Cl){a}.N{b}.c1ccncc1>>O=S(=O)(N{b}){a}",
    "ether synthesis": "BrC{a}.O{b}.O=C([O-])[O-].[K+].[K+]>>C({a})O{b}",
    "nitro reduction": "O=[N+]([O-]){a}.[H][H].[Pd]>>N{a}",
    "urea formation": "O=C=N{a}.N{b}>>O=C(N{a})N{b}",
}

SUBSTITUENTS: tuple[tuple[str, str], ...] = (
    ("c1ccccc1", "c2ccc(OC)cc2"),
    ("c1ccc(F)cc1", "c2ccccc2"),
    ("c1ccc(Cl)cc1", "c2ccc(C)cc2"),
    ("c1cccnc1", "c2ccc(F)cc2"),
    ("c1ccc(C)cc1", "c2cccc(Cl)c2"),
    ("c1ccc(OC)cc1", "c2ccc(C#N)cc2"),
    ("c1ccc2ccccc2c1", "c2ccncc2"),
    ("c1ccc(C(F)(F)F)cc1", "c2ccc(C(C)C)cc2"),
)


def reactions() -> list[str]:
    """All reactions, template by template."""
    return [
        template.format(a=a, b=b, a_rest=a.removeprefix("c1"))
        for template in TEMPLATES.values()
        for a, b in SUBSTITUENTS
    ]
