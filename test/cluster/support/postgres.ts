/** A PostgreSQL of its own, in a folder of its own, from the binaries of this machine. */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Timers from "node:timers/promises"

/** The folder with `initdb`, `postgres` and `psql`: on the path, or where Debian puts them; the newest version there is. */
export const binaries = (): string | undefined => {
  const debian = "/usr/lib/postgresql"
  const versions = Fs.existsSync(debian) ? Fs.readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : []
  const folders = [
    ...(process.env["PATH"] ?? "").split(Path.delimiter),
    ...versions.map((version) => Path.join(debian, version, "bin"))
  ]
  return folders.find((folder) =>
    ["initdb", "postgres", "psql"].every((name) => Fs.existsSync(Path.join(folder, name)))
  )
}

export interface Server {
  readonly port: number
  /** The URL of a database on it. */
  readonly url: (database: string) => string
  readonly createDatabase: (name: string) => Promise<void>
  /** Runs SQL as a script, and gives what it prints. */
  readonly sql: (database: string, text: string) => string
  /** Stops it at once, as a crash does. */
  readonly stop: () => Promise<void>
  readonly start: () => Promise<void>
  /** Suspends all of its processes, or lets them go on. */
  readonly signal: (signal: "SIGSTOP" | "SIGCONT") => void
  /** Stops it and deletes its folder. */
  readonly remove: () => Promise<void>
}

/** PostgreSQL refuses to run as root. */
const unprivileged = (): { readonly uid: number; readonly gid: number } | undefined => {
  if (process.getuid?.() !== 0) return undefined
  const users = Fs.readFileSync("/etc/passwd", "utf8").split("\n")
  const line = users.find((user) => user.startsWith("postgres:")) ?? users.find((user) => user.startsWith("nobody:"))
  const [, , uid, gid] = (line ?? "").split(":")
  return { uid: Number(uid ?? 65_534), gid: Number(gid ?? 65_534) }
}

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = Net.createServer()
    server.on("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as Net.AddressInfo
      server.close(() => resolve(port))
    })
  })

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = Net.connect(port, "127.0.0.1")
    socket.on("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.on("error", () => resolve(false))
  })

const until = async (what: string, isSo: () => boolean | Promise<boolean>): Promise<void> => {
  const end = performance.now() + 30_000
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`)
    await Timers.setTimeout(20)
  }
}

export const create = async (): Promise<Server> => {
  const bin = binaries()
  if (bin === undefined) throw new Error("no PostgreSQL on this machine: apt-get install postgresql")
  const user = unprivileged()
  const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-qq-postgres-"))
  if (user !== undefined) Fs.chownSync(folder, user.uid, user.gid)
  const data = Path.join(folder, "data")
  const options = { ...user, cwd: folder, env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C", HOME: folder } }
  const run = (name: string, words: ReadonlyArray<string>, input?: string): string => {
    const done = ChildProcess.spawnSync(Path.join(bin, name), words, { ...options, encoding: "utf8", input })
    if (done.status !== 0) throw new Error(`${name}: ${done.error?.message ?? ""}${done.stdout}${done.stderr}`)
    return done.stdout
  }
  run("initdb", ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"])
  const port = await freePort()
  let server: ChildProcess.ChildProcess | undefined
  let log = ""
  const start = async (): Promise<void> => {
    const words = ["-D", data, "-p", String(port), "-k", folder, "-c", "listen_addresses=127.0.0.1"]
    const quick = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200"]
    server = ChildProcess.spawn(Path.join(bin, "postgres"), [...words, ...quick.flatMap((each) => ["-c", each])], {
      ...options,
      stdio: ["ignore", "ignore", "pipe"]
    })
    server.stderr?.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-20_000)
    })
    const isUp = (): boolean => {
      if (server?.exitCode !== null) throw new Error(`postgres ended:\n${log}`)
      const words = ["-h", "127.0.0.1", "-p", String(port), "-U", "postgres", "-d", "postgres", "-c", "SELECT 1"]
      return ChildProcess.spawnSync(Path.join(bin, "psql"), words, options).status === 0
    }
    await until("PostgreSQL", async () => (await listens(port)) && isUp())
  }
  const signalAll = (signal: "SIGSTOP" | "SIGCONT"): void => {
    const pid = server?.pid
    if (pid === undefined) return
    const listed = ChildProcess.spawnSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" }).stdout
    const children = listed
      .split(/\s+/)
      .filter((text) => text !== "")
      .map(Number)
    for (const each of [pid, ...children]) {
      try {
        process.kill(each, signal)
      } catch (error) {
        // a child may have ended since it was listed
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
      }
    }
  }
  const stop = async (): Promise<void> => {
    const running = server
    if (running === undefined || running.exitCode !== null) return
    // one that is suspended does not end
    signalAll("SIGCONT")
    const ended = new Promise((resolve) => running.once("exit", resolve))
    // the immediate shutdown
    running.kill("SIGQUIT")
    await ended
  }
  try {
    await start()
  } catch (error) {
    await stop()
    Fs.rmSync(folder, { recursive: true, force: true })
    throw error
  }
  const psql = (database: string, text: string): string =>
    run(
      "psql",
      ["-h", "127.0.0.1", "-p", String(port), "-U", "postgres", "-d", database, "-At", "-v", "ON_ERROR_STOP=1"],
      text
    )
  return {
    port,
    url: (database) => `postgres://postgres@127.0.0.1:${port}/${database}`,
    createDatabase: async (name) => {
      psql("postgres", `CREATE DATABASE "${name}"`)
      await Promise.resolve()
    },
    sql: psql,
    stop,
    start,
    signal: signalAll,
    remove: async () => {
      await stop()
      Fs.rmSync(folder, { recursive: true, force: true })
    }
  }
}
