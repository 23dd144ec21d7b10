//! Errors in Chinese, for the commands that officials read.
//!
//! Owns the sentences. The exit code stays; what the system or a library says stays as it says it.

use fuma_connectors::files::FileError;

use super::CommandError;
use crate::replay::ReplayError;

/// The same error, said in Chinese.
pub(super) fn error(error: CommandError) -> CommandError {
    let exit_code = error.exit_code();
    CommandError::Said { text: text(&error), exit_code }
}

fn text(error: &CommandError) -> String {
    match error {
        CommandError::Read { path, source } => format!("无法读取 {}：{source}", path.display()),
        CommandError::Write { path, source } => format!("无法写入 {}：{source}", path.display()),
        CommandError::Output { stream, source } => format!("无法输出（{stream}）：{source}"),
        CommandError::NoKey => {
            "缺少密钥：请用 --key-file 指定密钥文件，或设置环境变量 FUMA_KEY（64 位十六进制数字）".to_owned()
        }
        CommandError::Key(why) => format!("密钥不可用（应为 64 位十六进制数字）：{why}"),
        CommandError::Pack(why) => format!("规则包不可用：{why}（fuma policy list 列出内置规则包）"),
        CommandError::Feeds(why) | CommandError::Replay(ReplayError::Source(why)) => file(why),
        CommandError::Replay(why) => format!("计算未能完成：{why}"),
        CommandError::Unknown(why) => format!("没有任何人的记录：{why}"),
        CommandError::Input(why) => format!("输入有误：{why}"),
        other => other.to_string(),
    }
}

fn file(error: &FileError) -> String {
    match error {
        FileError::Open { path, source } => format!("无法打开 {path}：{source}；请检查路径和权限"),
        FileError::Damaged { path, message } => format!("文件 {path} 损坏或不完整：{message}；请修复或移走该文件"),
        other => format!("数据文件有误：{other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_stays() {
        for (error, said) in [(CommandError::NoKey, "密钥"), (CommandError::Unknown("x".into()), "没有任何人的记录")]
        {
            let exit_code = error.exit_code();
            let chinese = super::error(error);
            assert_eq!(chinese.exit_code(), exit_code);
            assert!(chinese.to_string().contains(said), "{chinese}");
        }
    }
}
