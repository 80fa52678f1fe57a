"""Every problem type of the API (RFC 9457): its slug, status, titles and meanings. A type's URL resolves to its page.

Promises: a slug and its status never change once published. Does not: know our error classes (`problems.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

HELP = "/help/problems/"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One type: `slug` ends its URL, `meaning` says what happened and what to do, in English and Chinese."""

    slug: str
    status: int
    title: str
    title_zh: str
    meaning: str
    meaning_zh: str

    @property
    def url(self) -> str:
        """Return the `type` member, relative to the service."""
        return HELP + self.slug


_TYPES = (
    ProblemType("invalid-json", 400, "The body is not strict JSON", "请求正文不是严格的 JSON",
                "The body must be UTF-8 JSON with no byte order mark, duplicate name, float, NaN or lone surrogate;"
                " `code` names the fault. Send amounts in minor units and times as RFC 3339 text.",
                "请求正文须为 UTF-8 编码的 JSON，不得含字节顺序标记、重复名称、浮点数、NaN 或孤立代理项；`code` 指"
                "出具体问题。金额以最小货币单位发送，时间以 RFC 3339 文本发送。"),
    ProblemType("limit-exceeded", 400, "A limit was exceeded", "超出限制",
                "Something in the request passes a named limit; `limit` and `most` say which. Send less.",
                "请求中的某项内容超出规定的限制；`limit` 和 `most` 说明是哪一项。请减少发送的内容。"),
    ProblemType("invalid-header", 400, "A header cannot be read", "请求头无法解析",
                "A header of the request has not the form that the description of the API gives.",
                "某个请求头不符合 API 说明中规定的格式。"),
    ProblemType("invalid-form", 400, "The form cannot be taken", "无法接收该表单",
                "A file is sent as multipart/form-data with one part named `file`, at most one named `sha256`, few and"
                " short headers, and its last boundary.",
                "文件须以 multipart/form-data 发送：一个名为 `file` 的部分，至多一个名为 `sha256` 的部分，头部少而"
                "短，并带有结尾边界。"),
    ProblemType("idempotency-key-missing", 400, "The Idempotency-Key header is missing", "缺少 Idempotency-Key 请求头",
                "Every POST carries an Idempotency-Key of your choice (a UUID, say), so that a retry is safe.",
                "每个 POST 请求都须带有您自选的 Idempotency-Key（例如 UUID），这样重试才安全。"),
    ProblemType("not-authenticated", 401, "No credential that counts", "没有有效的凭证",
                "Send `Authorization: Bearer …` with a key, session or token. It may be unknown, revoked or expired.",
                "请发送 `Authorization: Bearer …`，其中为密钥、会话或令牌。它可能不为系统所知、已被撤销或已过期。"),
    ProblemType("not-permitted", 403, "The credential does not allow this", "凭证不允许此操作",
                "The credential is known, but its role or its scopes do not cover this request.",
                "凭证有效，但其角色或权限范围不包括此请求。"),
    ProblemType("unknown-path", 404, "There is nothing at this path", "此路径下没有内容",
                "The description of the API (`/openapi.json`) lists what there is.",
                "可用的内容列于 API 说明（`/openapi.json`）。"),
    ProblemType("unknown-return", 404, "There is no such return for you", "没有您可查看的该退货单",
                "The return does not exist, or you are not one of its parties. The two are answered alike on purpose.",
                "该退货单不存在，或您不是其参与方。两种情况的答复有意相同。"),
    ProblemType("unknown-entry", 404, "There is no such entry for you", "没有您可查看的该条目",
                "The index is beyond the ledger, or the entry belongs to a return whose party you are not.",
                "序号超出账本范围，或该条目属于您未参与的退货单。"),
    ProblemType("unknown-object", 404, "There is no such object for you", "没有您可查看的该对象",
                "What the path names does not exist, or is not yours.",
                "路径所指的对象不存在，或不属于您。"),
    ProblemType("method-not-allowed", 405, "The method is not allowed here", "此处不允许使用该方法",
                "The `Allow` header lists the methods of this path.",
                "`Allow` 响应头列出了此路径可用的方法。"),
    ProblemType("upload-stopped", 408, "The body stopped", "请求正文中断",
                "No bytes came for too long, or too few. What came of a part is kept: go on at its `offset`.",
                "太久没有收到字节，或收到的太少。已收到的部分会保留：请从其 `offset` 处继续。"),
    ProblemType("step-not-allowed", 409, "The step is not allowed now", "当前不允许此步骤",
                "The state, the quantities, the money or the clocks of the return refuse it. `allowed` lists what the"
                " asserting role may do now. The attempt stands in the ledger.",
                "退货单的状态、数量、金额或期限不允许此步骤。`allowed` 列出该角色当前可以进行的步骤。这次尝试已记入"
                "账本。"),
    ProblemType("request-running", 409, "The same request is being worked on", "相同请求正在处理",
                "A request with this Idempotency-Key is not finished. Send it again in a few seconds.",
                "使用此 Idempotency-Key 的请求尚未完成。请几秒后重新发送。"),
    ProblemType("no-session", 409, "There is no session to end here", "此处没有可结束的会话",
                "The token was made by its issuer and ends with its time; it cannot be revoked here. Sign out there.",
                "该令牌由其签发方签发，到期自动失效，无法在此撤销。请在签发方处退出登录。"),
    ProblemType("not-restricted", 409, "There is no restriction to lift", "没有可解除的限制",
                "The decision erased, or was deferred; only one that restricted can be lifted.",
                "该决定是删除或延期；只有作出限制的决定才能解除。"),
    ProblemType("not-sealed", 409, "No seal shows this yet", "尚无封存条目可证明此内容",
                "Completeness is proved by the index of all returns in a seal, and there is none yet. The worker seals"
                " with the next tree head that it anchors.",
                "完整性由封存条目中所有退货单的索引证明，而目前尚无封存条目。锚定下一个树头时会一并封存。"),
    ProblemType("evidence-altered", 409, "The stored file is not what was recorded", "存储的文件与记录不一致",
                "The file's bytes do not have the recorded fingerprint, so it is not served. The operator was told.",
                "文件内容与记录的指纹不符，因此不予提供。已通知运营方。"),
    ProblemType("upload-conflict", 409, "The upload stands elsewhere", "上传位置不一致",
                "The offset is not where the upload stands, or another request writes it; go on at `offset`.",
                "偏移量与上传的当前位置不符，或另一请求正在写入；请从 `offset` 处继续。"),
    ProblemType("erased", 410, "The file was erased", "文件已被删除",
                "The file was removed, with the key under which its fingerprint was kept. Entry and proofs are as they"
                " were.",
                "文件已被移除，保存其指纹所用的密钥也一并销毁。条目和证明保持不变。"),
    ProblemType("stale-head", 412, "The return moved on", "退货单已有新进展",
                "The return has another last entry than you expected. Read it again, then decide.",
                "退货单的最后一个条目与您预期的不同。请重新读取后再决定。"),
    ProblemType("body-too-large", 413, "The body is too large", "请求正文过大",
                "The body has more bytes than this path takes; `most` says how many.",
                "请求正文的字节数超过此路径可接收的上限；`most` 说明上限是多少。"),
    ProblemType("unsupported-media-type", 415, "The media type is not supported", "不支持该媒体类型",
                "`Content-Type` must be the one that the description of the API gives for this path.",
                "`Content-Type` 须与 API 说明中为此路径规定的一致。"),
    ProblemType("invalid-request", 422, "The request does not have the described form", "请求不符合规定的格式",
                "`errors` lists what is wrong, each with a JSON pointer.",
                "`errors` 列出有问题之处，每一处都附有 JSON 指针。"),
    ProblemType("upload-mismatch", 422, "The bytes are not those that were announced", "内容与声明的指纹不一致",
                "What was sent has another SHA-256 than the one that was announced, and was removed. Send the file"
                " again from its beginning.",
                "所发送内容的 SHA-256 与声明的不同，已被移除。请从头重新发送该文件。"),
    ProblemType("incomplete-step", 422, "The step lacks something or has something wrong", "步骤内容不完整或有误",
                "A field, the rule or the evidence of the step is missing, unknown or has not its form.",
                "步骤缺少某个字段、规则或证据，或其中某项不为系统所知或格式不符。"),
    ProblemType("signature-refused", 422, "The wallet signature does not count", "钱包签名无效",
                "The signature is malformed, expired, used before, or another wallet's. Prepare a new statement.",
                "签名格式有误、已过期、已使用过，或来自另一个钱包。请重新准备一份声明。"),
    ProblemType("idempotency-key-reused", 422, "The Idempotency-Key was used for another request",
                "该 Idempotency-Key 已用于其他请求", "Repeat the first request exactly, or take a new key.",
                "请原样重复第一次请求，或改用新的密钥。"),
    ProblemType("address-refused", 422, "Nothing is sent to this address", "不会向该地址发送通知",
                "A webhook's URL is https, names a public host, and uses port 443 or one from 1024 on.",
                "Webhook 的网址须为 https，指向公共主机，并使用 443 端口或 1024 及以上的端口。"),
    ProblemType("too-many-requests", 429, "Too many requests", "请求过于频繁",
                "You sent more than your share. `Retry-After` says when to go on.",
                "您发送的请求超出了您的份额。`Retry-After` 说明何时可以继续。"),
    ProblemType("quota-exceeded", 429, "Too much is waiting", "待处理的上传过多",
                "Uploads that are in no entry yet fill your quota. Record them, or let them expire.",
                "尚未写入任何条目的上传文件已占满您的配额。请将其记录到步骤中，或等待其过期。"),
    ProblemType("internal", 500, "Something went wrong inside", "内部错误",
                "This is a fault of ours. Tell the operator the request id; a retry with the same key is safe.",
                "这是我方的故障。请将请求编号告知运营方；使用相同密钥重试是安全的。"),
    ProblemType("busy", 503, "The ledger is busy", "账本繁忙",
                "Too many steps wait, or the database does. Nothing was written. Send it again after `Retry-After`.",
                "等待处理的步骤过多，或数据库繁忙。没有写入任何内容。请在 `Retry-After` 之后重新发送。"),
    ProblemType("still-counting", 503, "The returns are still being counted", "退货单仍在统计中",
                "There are many returns that were not counted before. Those that are stay counted: ask again after"
                " `Retry-After`, and it gets further.",
                "有许多退货单此前未统计过。已统计的会保留：请在 `Retry-After` 之后重新询问，每次都会有进展。"),
    ProblemType("storage-full", 503, "No space is left", "存储空间不足",
                "The ledger stopped writing before its disk is full. Reading and verifying work.",
                "账本在磁盘写满之前停止了写入。读取和验证仍可使用。"),
    ProblemType("outcome-unknown", 503, "It is not known whether this was recorded", "结果未知",
                "The database failed while committing. Send the same request with the same Idempotency-Key again: it is"
                " recorded once, whatever happened.",
                "数据库在提交时发生故障。请使用相同的 Idempotency-Key 重新发送同一请求：无论之前发生了什么，都只会"
                "记录一次。"),
    ProblemType("gate-closed", 503, "The ledger must not write", "账本当前不可写入",
                "The database is behind the chain or the high-water mark, or contradicts one. Reading works; the"
                " operator has to act.",
                "数据库落后于链或高水位标记，或与其相矛盾。读取仍可使用；须由运营方处理。"),
    ProblemType("not-founded", 503, "This ledger is not founded yet", "账本尚未创建",
                "There is no genesis entry. The operator runs `rledger deploy`.",
                "账本尚无创世条目。运营方须运行 `rledger deploy`。"),
    ProblemType("issuer-unreachable", 503, "The issuer of the token cannot be asked", "无法联系令牌的签发方",
                "The keys of the token's issuer could not be fetched. Nothing is known against the token. Send it again"
                " after `Retry-After`.",
                "无法获取令牌签发方的密钥。目前没有任何不利于该令牌的信息。请在 `Retry-After` 之后重新发送。"),
    ProblemType("unavailable", 503, "Unavailable at the moment", "暂时不可用",
                "The ledger or something that it needs cannot be reached. Send it again after `Retry-After`.",
                "无法连接账本或其所需的服务。请在 `Retry-After` 之后重新发送。"),
)  # fmt: skip

PROBLEM_TYPES: dict[str, ProblemType] = {one.slug: one for one in _TYPES}
