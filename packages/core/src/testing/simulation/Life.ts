/**
 * One process of a simulated bot, and what it can reach: sockets and requests of a process that has crashed go nowhere,
 * although its fibers take a moment to end.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type * as MemorySocket from "../MemorySocket.ts"

/**
 * The state of a process.
 *
 * @since 0.1.0
 * @category models
 */
export interface Life {
  isAlive: boolean
  /** Whether it was told to end. */
  isLeaving: boolean
  /** When it was told, in epoch milliseconds. */
  leavingSince: number
  wasReady: boolean
  readonly sockets: Set<MemorySocket.MemorySocket>
}

/**
 * A process that begins.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (): Life => ({
  isAlive: true,
  isLeaving: false,
  leavingSince: 0,
  wasReady: false,
  sockets: new Set()
})

/**
 * Opens a socket of a process. Throws where the process is gone: what is left of it may want to connect again.
 *
 * @since 0.1.0
 * @category constructors
 */
export const openSocket = (
  life: Life,
  construct: (url: string) => MemorySocket.MemorySocket,
  url: string
): MemorySocket.MemorySocket => {
  if (!life.isAlive) throw new Error("the process is gone")
  const socket = construct(url)
  life.sockets.add(socket)
  socket.addEventListener("close", () => life.sockets.delete(socket))
  return {
    url,
    protocol: "",
    extensions: "",
    bufferedAmount: 0,
    get readyState() {
      return socket.readyState
    },
    get binaryType() {
      return socket.binaryType
    },
    set binaryType(type) {
      socket.binaryType = type
    },
    addEventListener: (type, listener, options) =>
      socket.addEventListener(type, (event) => (life.isAlive ? listener(event) : undefined), options),
    removeEventListener: socket.removeEventListener,
    send: (data) => (life.isAlive ? socket.send(data) : undefined),
    close: (code, reason) => (life.isAlive ? socket.close(code, reason) : undefined),
    terminate: () => (life.isAlive ? socket.terminate() : undefined)
  }
}

/**
 * The requests of a process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const httpOf = (life: Life, http: HttpClient.HttpClient): HttpClient.HttpClient =>
  HttpClient.transform(http, (answer) =>
    Effect.suspend(() =>
      life.isAlive
        ? Effect.filterOrElse(
            answer,
            () => life.isAlive,
            () => Effect.never
          )
        : Effect.never
    )
  )

/**
 * Which shard the fiber that runs belongs to: a session says so in its logs.
 *
 * @since 0.1.0
 * @category getters
 */
export const currentShard = (): string =>
  Option.getOrElse(
    Option.flatMap(Fiber.getCurrentFiber(), (fiber) =>
      HashMap.get(fiber.getFiberRef(FiberRef.currentLogAnnotations), "shard")
    ),
    () => ""
  ) as string
