"""Every problem type of the API (RFC 9457): its slug, status and titles. A type's URL resolves to its page.

Promises: a slug and its status never change once published. Does not: know our error classes (`problems.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

HELP = "/help/problems/"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One type: `slug` ends its URL, `meaning` says what happened and what to do, in English."""

    slug: str
    status: int
    title: str
    title_zh: str
    meaning: str

    @property
    def url(self) -> str:
        """Return the `type` member, relative to the service."""
        return HELP + self.slug


_TYPES = (
    ProblemType("invalid-json", 400, "The body is not strict JSON", "请求正文不是严格的 JSON",
                "The body must be UTF-8 JSON with no byte order mark, duplicate name, float, NaN or lone surrogate;"
                " `code` names the fault. Send amounts in minor units and times as RFC 3339 text."),
    ProblemType("limit-exceeded", 400, "A limit was exceeded", "超出限制",
                "Something in the request passes a named limit; `limit` and `most` say which. Send less."),
    ProblemType("invalid-header", 400, "A header cannot be read", "请求头无法解析",
                "A header of the request has not the form that the description of the API gives."),
    ProblemType("invalid-form", 400, "The form cannot be taken", "无法接收该表单",
                "A file is sent as multipart/form-data with one part named `file`, at most one named `sha256`, few and"
                " short headers, and its last boundary."),
    ProblemType("idempotency-key-missing", 400, "The Idempotency-Key header is missing", "缺少 Idempotency-Key 请求头",
                "Every POST carries an Idempotency-Key of your choice (a UUID, say), so that a retry is safe."),
    ProblemType("not-authenticated", 401, "No credential that counts", "没有有效的凭证",
                "Send `Authorization: Bearer …` with a key, session or token. It may be unknown, revoked or expired."),
    ProblemType("not-permitted", 403, "The credential does not allow this", "凭证不允许此操作",
                "The credential is known, but its role or its scopes do not cover this request."),
    ProblemType("unknown-path", 404, "There is nothing at this path", "此路径下没有内容",
                "The description of the API (`/openapi.json`) lists what there is."),
    ProblemType("unknown-return", 404, "There is no such return for you", "没有您可查看的该退货单",
                "The return does not exist, or you are not one of its parties. The two are answered alike on purpose."),
    ProblemType("unknown-entry", 404, "There is no such entry for you", "没有您可查看的该条目",
                "The index is beyond the ledger, or the entry belongs to a return whose party you are not."),
    ProblemType("unknown-object", 404, "There is no such object for you", "没有您可查看的该对象",
                "What the path names does not exist, or is not yours."),
    ProblemType("method-not-allowed", 405, "The method is not allowed here", "此处不允许使用该方法",
                "The `Allow` header lists the methods of this path."),
    ProblemType("upload-stopped", 408, "The body stopped", "请求正文中断",
                "No bytes came for too long, or too few. What came of a part is kept: go on at its `offset`."),
    ProblemType("step-not-allowed", 409, "The step is not allowed now", "当前不允许此步骤",
                "The state, the quantities, the money or the clocks of the return refuse it. `allowed` lists what the"
                " asserting role may do now. The attempt stands in the ledger."),
    ProblemType("request-running", 409, "The same request is being worked on", "相同请求正在处理",
                "A request with this Idempotency-Key is not finished. Send it again in a few seconds."),
    ProblemType("no-session", 409, "There is no session to end here", "此处没有可结束的会话",
                "The token was made by its issuer and ends with its time; it cannot be revoked here. Sign out there."),
    ProblemType("not-restricted", 409, "There is no restriction to lift", "没有可解除的限制",
                "The decision erased, or was deferred; only one that restricted can be lifted."),
    ProblemType("evidence-altered", 409, "The stored file is not what was recorded", "存储的文件与记录不一致",
                "The file's bytes do not have the recorded fingerprint, so it is not served. The operator was told."),
    ProblemType("upload-conflict", 409, "The upload stands elsewhere", "上传位置不一致",
                "The offset is not where the upload stands, or another request writes it; go on at `offset`."),
    ProblemType("erased", 410, "The file was erased", "文件已被删除",
                "The file was removed, with the key under which its fingerprint was kept. Entry and proofs are as they"
                " were."),
    ProblemType("stale-head", 412, "The return moved on", "退货单已有新进展",
                "The return has another last entry than you expected. Read it again, then decide."),
    ProblemType("body-too-large", 413, "The body is too large", "请求正文过大",
                "The body has more bytes than this path takes; `most` says how many."),
    ProblemType("unsupported-media-type", 415, "The media type is not supported", "不支持该媒体类型",
                "`Content-Type` must be the one that the description of the API gives for this path."),
    ProblemType("invalid-request", 422, "The request does not have the described form", "请求不符合规定的格式",
                "`errors` lists what is wrong, each with a JSON pointer."),
    ProblemType("upload-mismatch", 422, "The bytes are not those that were announced", "内容与声明的指纹不一致",
                "What was sent has another SHA-256 than the one that was announced, and was removed. Send the file"
                " again from its beginning."),
    ProblemType("incomplete-step", 422, "The step lacks something or has something wrong", "步骤内容不完整或有误",
                "A field, the rule or the evidence of the step is missing, unknown or has not its form."),
    ProblemType("signature-refused", 422, "The wallet signature does not count", "钱包签名无效",
                "The signature is malformed, expired, used before, or another wallet's. Prepare a new statement."),
    ProblemType("idempotency-key-reused", 422, "The Idempotency-Key was used for another request",
                "该 Idempotency-Key 已用于其他请求", "Repeat the first request exactly, or take a new key."),
    ProblemType("address-refused", 422, "Nothing is sent to this address", "不会向该地址发送通知",
                "A webhook's URL is https, names a public host, and uses port 443 or one from 1024 on."),
    ProblemType("too-many-requests", 429, "Too many requests", "请求过于频繁",
                "You sent more than your share. `Retry-After` says when to go on."),
    ProblemType("quota-exceeded", 429, "Too much is waiting", "待处理的上传过多",
                "Uploads that are in no entry yet fill your quota. Record them, or let them expire."),
    ProblemType("internal", 500, "Something went wrong inside", "内部错误",
                "This is a fault of ours. Tell the operator the request id; a retry with the same key is safe."),
    ProblemType("busy", 503, "The ledger is busy", "账本繁忙",
                "Too many steps wait, or the database does. Nothing was written. Send it again after `Retry-After`."),
    ProblemType("storage-full", 503, "No space is left", "存储空间不足",
                "The ledger stopped writing before its disk is full. Reading and verifying work."),
    ProblemType("outcome-unknown", 503, "It is not known whether this was recorded", "结果未知",
                "The database failed while committing. Send the same request with the same Idempotency-Key again: it is"
                " recorded once, whatever happened."),
    ProblemType("gate-closed", 503, "The ledger must not write", "账本当前不可写入",
                "The database is behind the chain or the high-water mark, or contradicts one. Reading works; the"
                " operator has to act."),
    ProblemType("not-founded", 503, "This ledger is not founded yet", "账本尚未创建",
                "There is no genesis entry. The operator runs `rledger deploy`."),
    ProblemType("issuer-unreachable", 503, "The issuer of the token cannot be asked", "无法联系令牌的签发方",
                "The keys of the token's issuer could not be fetched. Nothing is known against the token. Send it again"
                " after `Retry-After`."),
    ProblemType("unavailable", 503, "Unavailable at the moment", "暂时不可用",
                "The ledger or something that it needs cannot be reached. Send it again after `Retry-After`."),
)  # fmt: skip

PROBLEM_TYPES: dict[str, ProblemType] = {one.slug: one for one in _TYPES}
