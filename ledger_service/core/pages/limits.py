"""What a package proves and what it does not, in English and Simplified Chinese. Does not: format."""

from __future__ import annotations

from typing import Final

LIMITS: Final = (
    "A receipt shows that an entry stood in the ledger, unchanged, no later than the block of its anchor, and in which"
    " order; where it proves an earlier block too, that the entry was recorded after that one.",
    "It does not show that a photo or a statement is true, that a key belongs to a person, or that a step was recorded"
    " on time.",
    "The sequence numbers of the case run without a gap up to the head that manifest.json names, each entry naming the"
    " one before it: none of them was taken out or put in between.",
    "They do not show that this head is the newest one, or that no entry beside the chain (access, attempt, finding)"
    " was left out. Where completeness.json is there, a seal of the log holds the operator to how many entries the"
    " chain had before it; what came after that seal, it does not cover.",
    "Pages, tables, reports and forms are derived from the entries by the ledger, which signs them with the manifest;"
    " only entries, events.jsonl, receipts and originals are checked against the log.",
    "A value that is withheld or erased is named and not shown; its commitment stays in the entry.",
    "A demonstration chain proves nothing against its operator.",
)
LIMITS_ZH: Final = (
    "回执表明：某条目不晚于其锚定区块的时间已在账本中，此后未被更改，且次序确定；若回执还证明了更早的区块，则条目的"
    "记录时间晚于该区块。",
    "它不表明照片或陈述属实，不表明密钥属于某人，也不表明某步骤被及时记录。",
    "本案序号连续无缺，直至 manifest.json 所列的案件末条；每一条都指明前一条，故其间未被删去或插入条目。",
    "这并不表明该末条就是最新一条，也不表明旁附条目（查阅、尝试、发现）没有遗漏。"
    "若包内有 completeness.json，则日志的封存条目使运营方对此前链上的条目数作出承诺；封存之后的内容不在其内。",
    "页面、表格、报告和表单由账本依条目生成，并随清单一并签名；只有条目、events.jsonl、回执和原件与日志核对。",
    "未披露或已删除的内容会列出名称而不显示；其承诺值仍在条目中。",
    "演示链不能用来对抗其运营方。",
)
