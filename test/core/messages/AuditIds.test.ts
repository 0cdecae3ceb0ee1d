import { assert, describe, it } from "@effect/vitest"
import { ApiError } from "@effect-qq/core"
import * as fc from "fast-check"
import * as AuditOutcomes from "../../../packages/core/src/messages/AuditOutcomes.ts"
import * as Refusal from "../../../packages/core/src/messages/Refusal.ts"

/** The audit id of a message that is held, from `data` of the answer. */
const idOfHeld = (data: unknown): string | undefined => {
  const held = Refusal.fromOpenApi(
    new ApiError.ApiError({ status: 202, code: 304023, class: "audit_pending", detail: "", data })
  )
  return held._tag === "UnderAudit" ? held.auditId : assert.fail(held._tag)
}

/** The audit id of its decision. */
const idOfDecision = (id: unknown): string | undefined =>
  AuditOutcomes.ofDispatch({ t: "MESSAGE_AUDIT_REJECT", d: { audit_id: id } })?.auditId

describe("an audit id", () => {
  it("is read alike from the answer that holds a message and from its decision, whatever it is", () => {
    const ids = fc.oneof(fc.jsonValue(), fc.constantFrom("a", 7, 2 ** 53, 2 ** 60, 1.5, "", null))
    fc.assert(
      fc.property(ids, (id) => {
        assert.strictEqual(idOfHeld({ message_audit: { audit_id: id } }), idOfDecision(id))
        assert.strictEqual(idOfHeld({ data: { message_audit: { audit_id: id } } }), idOfDecision(id))
        assert.strictEqual(idOfHeld({ audit_id: id }), idOfDecision(id))
      })
    )
    assert.strictEqual(idOfDecision(7), "7")
  })
})
